/**
 * An answer that is held back because a retry may replace it: head, body up to a bound, trailers. A body beyond the bound
 * is sent and the rest streamed. Must not know whether the call is retried.
 */
import type { Head } from './answer-head.ts'
import type { Answerer, ReadListener } from './attempt.ts'

/** Bytes of a body: error messages of tools are short. */
const MAX_BYTES = 65_536
const NOBODY: ReadListener = { onRead: () => undefined }

export class HeldAnswer {
  readonly #head: Head
  readonly #chunks: Buffer[] = []
  #bytes = 0
  #trailers: readonly [string, string][] = []

  constructor(head: Head) {
    this.#head = head
  }

  get status(): number {
    return this.#head.status
  }

  /** Adds a piece of the body; false if the body would exceed the bound, and the piece was not added. */
  add(chunk: Buffer): boolean {
    this.#bytes += chunk.length
    if (this.#bytes > MAX_BYTES) return false
    this.#chunks.push(chunk)
    return true
  }

  addTrailers(trailers: readonly [string, string][]): void {
    this.#trailers = trailers
  }

  /** Sends the part that has come; more of the body may follow. */
  sendTo(caller: Answerer): void {
    caller.head(this.#head)
    // All pieces fit into the connection's buffer, so there is no need to wait for the caller.
    for (const chunk of this.#chunks) caller.write(chunk, NOBODY)
  }

  /** Sends the whole answer. */
  sendWholeTo(caller: Answerer): void {
    this.sendTo(caller)
    caller.end('', this.#head.isChunked ? this.#trailers : [])
  }
}
