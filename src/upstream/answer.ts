/**
 * Passes the tool's answer to the caller at the speed at which the caller reads. An answer that a retry may replace is
 * held back instead. Must not know when a lease ends or what the verdict is.
 */
import type { Dispatcher } from 'undici'
import type { Head } from './answer-head.ts'
import type { AttemptParts, ReadListener } from './attempt.ts'
import { HeldAnswer } from './held-answer.ts'

/**
 * Bytes that a tool may still send after its caller has left: several of the largest messages expected from an MCP
 * server. Without a limit, an endless answer would hold its lease forever.
 */
const MAX_BYTES_AFTER_CALLER_LEFT = 16_777_216

export class Answer implements ReadListener {
  readonly #parts: AttemptParts
  #isChunked = false
  /** Set while a retry may still replace the answer. */
  #held: HeldAnswer | undefined
  /** Milliseconds in which the caller did not read. They do not count as the tool's time. */
  #callerMs = 0
  #bytesAfterCallerLeft = 0
  #paused: Dispatcher.DispatchController | undefined
  #pausedAtMs = 0

  constructor(parts: AttemptParts) {
    this.#parts = parts
  }

  /** The answer so far; undefined once a part of it was sent to the caller. */
  get held(): HeldAnswer | undefined {
    return this.#held
  }

  get callerMs(): number {
    return this.#callerMs
  }

  begin(head: Head, isHeld: boolean): void {
    this.#isChunked = head.isChunked
    if (isHeld) this.#held = new HeldAnswer(head)
    else this.#parts.caller.head(head)
  }

  /** Pauses the tool while the caller does not read. */
  write(chunk: Buffer, controller: Dispatcher.DispatchController): void {
    const { lease, caller, clock } = this.#parts
    if (this.#held?.add(chunk) === true) return
    this.#held?.sendTo(caller)
    this.#held = undefined
    if (caller.write(chunk, this)) return
    controller.pause()
    this.#paused = controller
    this.#pausedAtMs = clock.nowMs()
    lease.waitsFor('caller')
  }

  /** The caller has read what was written: the tool goes on. */
  onRead(): void {
    const { lease, clock, owner } = this.#parts
    try {
      this.#callerMs += clock.nowMs() - this.#pausedAtMs
      lease.waitsFor('tool')
      lease.renew()
      this.#paused?.resume()
    } catch (error) {
      owner.fail(error)
    }
  }

  /** Discards a piece that came after the caller left; false when the limit of such bytes is exceeded. */
  discard(chunk: Buffer): boolean {
    this.#bytesAfterCallerLeft += chunk.length
    return this.#bytesAfterCallerLeft <= MAX_BYTES_AFTER_CALLER_LEFT
  }

  /** The answer is complete. Trailers are sent only if the answer to this caller is chunked. */
  end(trailers: readonly [string, string][]): void {
    if (this.#held !== undefined) this.#held.addTrailers(trailers)
    else this.#parts.caller.end('', this.#isChunked ? trailers : [])
  }
}
