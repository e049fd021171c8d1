/**
 * The tool's answer on its way to the caller, at the caller's speed: kept back while it may still be thrown away for
 * another try, else passed on as it comes. Must not know of leases' ends or of verdicts.
 */
import type { Dispatcher } from 'undici'
import type { Head } from './answer-head.ts'
import type { AttemptParts } from './attempt.ts'
import { HeldAnswer } from './held-answer.ts'

/**
 * Bytes of an answer that a tool may go on with once its caller has gone: several of the largest messages that an MCP
 * server is expected to send. A tool that never ends would have the core to itself, and its place for ever.
 */
export const MOST_UNHEARD_BYTES = 16_777_216

export class Answer {
  readonly #parts: AttemptParts
  #isChunked = false
  /** Set while the answer may still be thrown away for another try. */
  #kept: HeldAnswer | undefined
  /** Milliseconds in which the caller did not read; not the tool's time. */
  #callerMs = 0
  #unheardBytes = 0

  constructor(parts: AttemptParts) {
    this.#parts = parts
  }

  /** The answer so far, while nothing of it has gone out. */
  get kept(): HeldAnswer | undefined {
    return this.#kept
  }

  get callerMs(): number {
    return this.#callerMs
  }

  begin(head: Head, isKept: boolean): void {
    this.#isChunked = head.isChunked
    if (isKept) this.#kept = new HeldAnswer(head)
    else this.#parts.caller.head(head)
  }

  /** A caller that does not read stops the tool. */
  write(chunk: Buffer, controller: Dispatcher.DispatchController): void {
    const { lease, caller, clock, owner } = this.#parts
    if (this.#kept?.keep(chunk) === true) return
    this.#kept?.sendTo(caller)
    this.#kept = undefined
    let pausedAtMs = 0
    const onRead = (): void => {
      this.#callerMs += clock.nowMs() - pausedAtMs
      lease.waitsFor('tool')
      lease.renew()
      controller.resume()
    }
    if (caller.write(chunk, owner.contained(onRead))) return
    controller.pause()
    pausedAtMs = clock.nowMs()
    lease.waitsFor('caller')
  }

  /** Throws away a piece that came when its caller had gone; false when that is more than a tool may go on with. */
  lose(chunk: Buffer): boolean {
    this.#unheardBytes += chunk.length
    return this.#unheardBytes <= MOST_UNHEARD_BYTES
  }

  /** The tool has said everything. Trailers go only where the answer to this caller is chunked. */
  end(trailers: readonly [string, string][]): void {
    if (this.#kept !== undefined) this.#kept.keepTrailers(trailers)
    else this.#parts.caller.end('', this.#isChunked ? trailers : [])
  }
}
