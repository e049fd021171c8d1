/**
 * Reads a request's body whole before it is decided where it goes, within bounds of size, time and of what may be held.
 * What was read is forwarded as it is. Must not know what is in it.
 */
import type { IncomingMessage } from 'node:http'
import type { Clock } from '../time/clock.ts'
import type { Holding } from '../capacity/held-bytes.ts'

export type Peeked =
  /** Counts as held until its holding is released. */
  | { readonly kind: 'whole'; readonly body: Buffer }
  | { readonly kind: 'too large' }
  /** It took the caller too long. */
  | { readonly kind: 'too slow' }
  /** The caller left. */
  | { readonly kind: 'gone' }
  /** Too much is held already. */
  | { readonly kind: 'no room' }

export interface PeekBounds {
  readonly maxBytes: number
  /** Milliseconds for the whole body. */
  readonly maxMs: number
  /** Counts what the body takes up while it comes, and when it is whole. */
  readonly holding: Holding
}

export class Peeker {
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Calls `done` once, or `fail` with an error of ours. Whatever it is told but a whole body holds nothing any more. */
  peek(
    request: IncomingMessage,
    { maxBytes, maxMs, holding }: PeekBounds,
    done: (peeked: Peeked) => void,
    fail: (error: unknown) => void,
  ): void {
    const pieces = new Pieces(maxBytes, holding)
    const stop = (): void => {
      timer.clear()
      request.off('data', onData).off('end', onEnd).off('close', onClose)
    }
    const end = (peeked: Peeked): void => {
      stop()
      if (peeked.kind !== 'whole') holding.release()
      done(peeked)
    }
    const attempt = (act: () => void): void => {
      try {
        act()
      } catch (error) {
        stop()
        holding.release()
        fail(error)
      }
    }
    const onData = (chunk: Buffer): void =>
      attempt(() => {
        const added = pieces.add(chunk)
        if (added !== 'taken') end({ kind: added })
      })
    const onEnd = (): void => attempt(() => end({ kind: 'whole', body: pieces.whole() }))
    const onClose = (): void => end({ kind: 'gone' })
    const timer = this.#clock.after(maxMs, () => end({ kind: 'too slow' }))
    // A caller that breaks off has its end told by 'close'.
    request.on('error', () => undefined)
    request.on('data', onData).on('end', onEnd).on('close', onClose)
  }
}

/** Grows by copying: a list of pieces of one byte would cost a hundred times what they hold. Counts what it has grown to. */
class Pieces {
  readonly #maxBytes: number
  readonly #holding: Holding
  #held: Buffer = Buffer.alloc(0)
  #bytes = 0

  constructor(maxBytes: number, holding: Holding) {
    this.#maxBytes = maxBytes
    this.#holding = holding
  }

  add(piece: Buffer): 'taken' | 'too large' | 'no room' {
    const bytes = this.#bytes + piece.length
    if (bytes > this.#maxBytes) return 'too large'
    if (bytes > this.#held.length) {
      const capacity = this.#bytes === 0 ? bytes : Math.min(2 * bytes, this.#maxBytes)
      if (!this.#holding.resize(capacity)) return 'no room'
      if (this.#bytes > 0) this.#held = this.#copied(capacity)
    }
    // The first piece is the caller's, and nothing is written into it: what it is short of is found above.
    if (this.#bytes === 0) this.#held = piece
    else piece.copy(this.#held, this.#bytes)
    this.#bytes = bytes
    return 'taken'
  }

  /** Without the room that was for more. */
  whole(): Buffer {
    if (this.#held.length > this.#bytes) {
      this.#held = this.#copied(this.#bytes)
      this.#holding.resize(this.#bytes)
    }
    return this.#held
  }

  #copied(capacity: number): Buffer {
    const copy = Buffer.allocUnsafeSlow(capacity)
    this.#held.copy(copy, 0, 0, this.#bytes)
    return copy
  }
}
