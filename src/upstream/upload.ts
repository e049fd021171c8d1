/**
 * The caller's body on its way to the tool: streamed, counted against its bound, and told to the lease. A stream of
 * its own, because undici destroys the body of a request that it gives up, and destroying the caller's would cut the
 * connection on which the refusal still has to be sent.
 */
import { Transform } from 'node:stream'
import type { Readable } from 'node:stream'
import type { Clock } from '../time/clock.ts'
import { BodyPace } from './body-pace.ts'
import type { AttemptLease } from './attempt.ts'
import { headerValue } from './headers.ts'

/** The caller's request, as the stream of its body. */
export interface RequestBody extends Readable {
  /** The body has come whole. */
  readonly complete: boolean
}

export class BodyTooLarge extends Error {
  readonly code = 'BODY_TOO_LARGE'
}

/** The caller sends below the least pace. */
export class BodyTooSlow extends Error {
  readonly code = 'BODY_TOO_SLOW'
}

/** How HTTP frames the body that a request brings. */
export interface Framing {
  readonly hasBody: boolean
  /** Bytes that the caller declared; undefined for a chunked body. */
  readonly declaredBytes: number | undefined
}

/** From a flat list of headers; node's parser has already refused contradictory framing. */
export function framingOf(raw: readonly string[]): Framing {
  const length = headerValue(raw, 'content-length')
  if (length !== undefined) return { hasBody: length !== '0', declaredBytes: Number(length) }
  return { hasBody: headerValue(raw, 'transfer-encoding') !== undefined, declaredBytes: undefined }
}

/** Bytes. */
export interface UploadBounds {
  /** More is refused. */
  readonly maxBytes: number
  /** As much may wait in between: more than that stops the caller. */
  readonly bufferBytes: number
  /** A body up to this length is kept, so that it can be sent again; 0 keeps nothing. */
  readonly keepBytes: number
}

export interface UploadParts {
  readonly clock: Clock
  /** Ends the call that an error of ours has met. */
  readonly fail: (error: unknown) => void
}

export class Upload {
  /** Errors: BodyTooLarge when more than the bound comes; the request's own error when the caller breaks off. */
  readonly body: Transform
  readonly #request: RequestBody
  /** Everything that went by, while it is little enough to be kept. */
  #kept: Buffer[] | undefined
  #isWhole = false
  #lease: AttemptLease | undefined
  #isPaused = false

  /** Instead of breaking the body off when it comes too slowly. */
  onSlow: (() => void) | undefined
  readonly #pace: BodyPace

  constructor(
    request: RequestBody,
    { maxBytes, bufferBytes, keepBytes }: UploadBounds,
    { clock, fail }: UploadParts,
  ) {
    let bytes = 0
    this.#request = request
    this.#kept = keepBytes > 0 ? [] : undefined
    this.body = new Transform({
      writableHighWaterMark: bufferBytes,
      transform: (chunk: Buffer, _encoding, done) => {
        try {
          bytes += chunk.length
          if (bytes > keepBytes) this.#kept = undefined
          this.#kept?.push(chunk)
          if (bytes > maxBytes) done(new BodyTooLarge(`more than ${maxBytes} bytes`))
          else done(null, chunk)
          this.#renew()
        } catch (error) {
          fail(error)
        }
      },
      flush: (done) => {
        this.#isWhole = true
        done()
      },
    })
    // Nobody may be listening yet when a caller breaks off in the queue.
    this.body.on('error', () => undefined)
    request.on('error', (error) => this.body.destroy(error))
    const tooSlow = (): void => {
      try {
        if (this.onSlow === undefined) this.body.destroy(new BodyTooSlow('the body comes too slowly'))
        else this.onSlow()
      } catch (error) {
        fail(error)
      }
    }
    this.#pace = new BodyPace(clock, request, tooSlow)
    request.pipe(this.body)
  }

  /** The caller has sent all of it. */
  get isComplete(): boolean {
    return this.#request.complete
  }

  /** The caller broke off in the middle. */
  get isBroken(): boolean {
    return this.#request.destroyed && !this.#request.complete
  }

  /** The whole body, to be sent once more; undefined when it has not come whole, or was too large to be kept. */
  whole(): Buffer | undefined {
    return this.#isWhole && this.#kept !== undefined ? Buffer.concat(this.#kept) : undefined
  }

  /** From now on each piece renews this lease, which waits for whoever has to move next. */
  renews(lease: AttemptLease): void {
    this.#lease = lease
    lease.waitsFor('caller')
    this.#pace.holdsLease()
    this.goOn()
  }

  /** After a pause, if there was one. */
  goOn(): void {
    if (this.#isPaused) this.#request.pipe(this.body)
    this.#isPaused = false
  }

  /** Takes no more of it until there is a lease. */
  pause(): void {
    this.#isPaused = true
    this.#request.unpipe(this.body).pause()
  }

  #renew(): void {
    this.#lease?.renew()
    this.#lease?.waitsFor(this.isBackedUp() ? 'tool' : 'caller')
  }

  /** The tool does not take what is there: it is the one to move. */
  isBackedUp(): boolean {
    return this.body.readableLength >= this.body.readableHighWaterMark
  }

  /** The tool wants no more of it. */
  abandon(): void {
    this.#pace.stop()
    this.#request.unpipe(this.body)
  }
}
