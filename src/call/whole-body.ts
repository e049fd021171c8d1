/**
 * Reads a request's body whole before it is decided where it goes, within bounds of size, time and of what may be held.
 * What was read is forwarded as it is. Must not know what is in it.
 */
import type { Clock } from '../time/clock.ts'
import type { RequestBody } from '../upstream/upload.ts'
import type { Allocation } from '../capacity/message-memory.ts'

export type WholeBody =
  /** Counts as held until its allocation is released. */
  | { readonly kind: 'whole'; readonly content: Buffer }
  | { readonly kind: 'too large' }
  /** It took the caller too long. */
  | { readonly kind: 'too slow' }
  /** The caller left. */
  | { readonly kind: 'gone' }
  /** Too much is held already. */
  | { readonly kind: 'no room' }

export interface WholeBodyBounds {
  readonly maxBytes: number
  /** Milliseconds for the whole body. */
  readonly maxMs: number
  /** Counts what the body takes up while it comes, and when it is whole. */
  readonly allocation: Allocation
}

export interface WholeBodyListener {
  /** Called once, unless reading fails. */
  readonly done: (body: WholeBody) => void
  /** An error of Spillway's own. */
  readonly fail: (error: unknown) => void
}

/** Only a whole body is held after it was told. */
export function readWhole(
  request: RequestBody,
  { maxBytes, maxMs, allocation }: WholeBodyBounds,
  { after }: Pick<Clock, 'after'>,
  { done, fail }: WholeBodyListener,
): void {
  const pieces = new Pieces(maxBytes, allocation)
  const stop = (): void => {
    timer.clear()
    request.off('data', onData).off('end', onEnd).off('close', onClose)
  }
  const end = (body: WholeBody): void => {
    stop()
    if (body.kind !== 'whole') allocation.release()
    done(body)
  }
  const attempt = (act: () => void): void => {
    try {
      act()
    } catch (error) {
      stop()
      allocation.release()
      fail(error)
    }
  }
  const onData = (chunk: Buffer): void =>
    attempt(() => {
      const added = pieces.add(chunk)
      if (added !== 'taken') end({ kind: added })
    })
  const onEnd = (): void => attempt(() => end({ kind: 'whole', content: pieces.whole() }))
  const onClose = (): void => end({ kind: 'gone' })
  const timer = after(maxMs, () => end({ kind: 'too slow' }))
  // A caller that breaks off has its end told by 'close'.
  request.on('error', () => undefined)
  request.on('data', onData).on('end', onEnd).on('close', onClose)
}

/** Grows by copying: a list of pieces of one byte would cost a hundred times what they hold. Counts what it has grown to. */
class Pieces {
  readonly #maxBytes: number
  readonly #allocation: Allocation
  #held: Buffer = Buffer.alloc(0)
  #bytes = 0

  constructor(maxBytes: number, allocation: Allocation) {
    this.#maxBytes = maxBytes
    this.#allocation = allocation
  }

  add(piece: Buffer): 'taken' | 'too large' | 'no room' {
    const bytes = this.#bytes + piece.length
    if (bytes > this.#maxBytes) return 'too large'
    if (bytes > this.#held.length) {
      const capacity = this.#bytes === 0 ? bytes : Math.min(2 * bytes, this.#maxBytes)
      if (!this.#allocation.resize(capacity)) return 'no room'
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
      this.#allocation.resize(this.#bytes)
    }
    return this.#held
  }

  #copied(capacity: number): Buffer {
    const copy = Buffer.allocUnsafeSlow(capacity)
    this.#held.copy(copy, 0, 0, this.#bytes)
    return copy
  }
}
