/**
 * Streams the caller's body to the tool, counts it against its bound, and renews the lease with each piece. The tool gets a
 * stream of its own, because undici destroys the body of a failed request, and destroying the caller's request would cut
 * the connection on which the refusal has yet to be sent.
 */
import { Transform } from 'node:stream'
import type { Readable } from 'node:stream'
import type { Clock } from '../time/clock.ts'
import { BodyPace } from './body-pace.ts'
import type { AttemptLease } from './attempt.ts'
import { headerValue } from './headers.ts'

/** The caller's request, as the stream of its body. */
export interface RequestBody extends Readable {
  /** The whole body has arrived. */
  readonly complete: boolean
}

export class BodyTooLarge extends Error {
  readonly code = 'BODY_TOO_LARGE'
}

/** The caller sends the body below the minimum rate. */
export class BodyTooSlow extends Error {
  readonly code = 'BODY_TOO_SLOW'
}

/** How the body of a request is framed. */
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
  /** A longer body is refused. */
  readonly maxBytes: number
  /** The buffer between caller and tool; a full buffer pauses the caller. */
  readonly bufferBytes: number
  /** A body up to this length is kept, so that it can be sent again; 0 keeps nothing. */
  readonly keepBytes: number
}

export interface UploadParts {
  readonly clock: Clock
  /** Ends the call after an error in Spillway's own code. */
  readonly fail: (error: unknown) => void
}

export class Upload {
  /** Errors: BodyTooLarge, BodyTooSlow, and the request's own error if the caller aborts it. */
  readonly body: Transform
  readonly #request: RequestBody
  /** The body so far; undefined once it exceeds keepBytes. */
  #kept: Buffer[] | undefined
  #isWhole = false
  #lease: AttemptLease | undefined
  #isPaused = false

  /** Called when the body comes too slowly; if undefined, `body` fails with BodyTooSlow. */
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
    // While the call waits in the queue, this is the only listener; an error without one would end the process.
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

  /** The caller has sent the whole body. */
  get isComplete(): boolean {
    return this.#request.complete
  }

  /** The caller aborted the request before the end of its body. */
  get isBroken(): boolean {
    return this.#request.destroyed && !this.#request.complete
  }

  /** The whole body, to be sent again; undefined if it is not complete or was too large to be kept. */
  whole(): Buffer | undefined {
    return this.#isWhole && this.#kept !== undefined ? Buffer.concat(this.#kept) : undefined
  }

  /** From now on each piece of the body renews this lease, and says whether caller or tool must act next. */
  renews(lease: AttemptLease): void {
    this.#lease = lease
    lease.waitsFor('caller')
    this.#pace.holdsLease()
    this.goOn()
  }

  /** Continues after a pause; does nothing if there was none. */
  goOn(): void {
    if (this.#isPaused) this.#request.pipe(this.body)
    this.#isPaused = false
  }

  /** Stops reading from the caller until `goOn`. */
  pause(): void {
    this.#isPaused = true
    this.#request.unpipe(this.body).pause()
  }

  #renew(): void {
    this.#lease?.renew()
    this.#lease?.waitsFor(this.isBackedUp() ? 'tool' : 'caller')
  }

  /** The tool does not read the buffered bytes, so the tool must act next. */
  isBackedUp(): boolean {
    return this.body.readableLength >= this.body.readableHighWaterMark
  }

  /** Stops the upload: the tool reads no more of the body. */
  abandon(): void {
    this.#pace.stop()
    this.#request.unpipe(this.body)
  }
}
