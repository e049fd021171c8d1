/**
 * Reads a request's body whole before it is decided where it goes, within bounds of size, time and of what all such
 * bodies may hold together. What was read is forwarded as it is. Must not know what is in it.
 */
import type { IncomingMessage } from 'node:http'
import type { Clock } from '../time/clock.ts'

/** Bytes of all bodies that are held at once: 64 of the largest. */
export const MOST_HELD_BYTES = 268_435_456

export type Peeked =
  | { readonly kind: 'whole'; readonly body: Buffer }
  | { readonly kind: 'too large' }
  /** The caller sent nothing more for too long. */
  | { readonly kind: 'too slow' }
  /** The caller left. */
  | { readonly kind: 'gone' }
  /** Too much is held for others. */
  | { readonly kind: 'no room' }

export interface PeekBounds {
  readonly maxBytes: number
  /** Milliseconds for the whole body. */
  readonly maxMs: number
}

export class Peeker {
  readonly #clock: Clock
  readonly #mostHeldBytes: number
  #heldBytes = 0

  constructor(clock: Clock, mostHeldBytes = MOST_HELD_BYTES) {
    this.#clock = clock
    this.#mostHeldBytes = mostHeldBytes
  }

  /** Bytes held now. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** Calls `done` once. A whole body counts as held until `release` is called with it. */
  peek(request: IncomingMessage, { maxBytes, maxMs }: PeekBounds, done: (peeked: Peeked) => void): void {
    const pieces = new Pieces(maxBytes)
    let bytes = 0
    const end = (peeked: Peeked): void => {
      timer.clear()
      request.off('data', onData).off('end', onEnd).off('close', onClose)
      if (peeked.kind !== 'whole') this.#heldBytes -= bytes
      done(peeked)
    }
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length
      this.#heldBytes += chunk.length
      if (bytes > maxBytes) end({ kind: 'too large' })
      else if (this.#heldBytes > this.#mostHeldBytes) end({ kind: 'no room' })
      else pieces.add(chunk)
    }
    const onEnd = (): void => end({ kind: 'whole', body: pieces.whole() })
    const onClose = (): void => end({ kind: 'gone' })
    const timer = this.#clock.after(maxMs, () => end({ kind: 'too slow' }))
    // A caller that breaks off has its end told by 'close'.
    request.on('error', () => undefined)
    request.on('data', onData).on('end', onEnd).on('close', onClose)
  }

  release(body: Buffer): void {
    this.#heldBytes -= body.length
  }
}

/** Grows by copying: a list of pieces of one byte would cost a hundred times what they hold. */
class Pieces {
  readonly #maxBytes: number
  #held: Buffer = Buffer.alloc(0)
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  add(piece: Buffer): void {
    const bytes = this.#bytes + piece.length
    if (this.#bytes === 0) this.#held = piece
    else {
      if (bytes > this.#held.length) {
        const larger = Buffer.allocUnsafeSlow(Math.max(bytes, Math.min(2 * bytes, this.#maxBytes)))
        this.#held.copy(larger, 0, 0, this.#bytes)
        this.#held = larger
      }
      piece.copy(this.#held, this.#bytes)
    }
    this.#bytes = bytes
  }

  whole(): Buffer {
    return this.#held.subarray(0, this.#bytes)
  }
}
