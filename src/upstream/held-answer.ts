/**
 * An answer that is kept back while it may still be thrown away for another try: head, body up to a bound, trailers.
 * Beyond the bound it goes out as it is, and what follows is streamed. Knows nothing of retries.
 */
import type { Head } from './answer-head.ts'
import type { Answerer } from './attempt.ts'

/** Bytes of a body: what tools say when they fail is short. */
const MAX_BYTES = 65_536

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

  /** Takes a piece of the body; false when it is more than is kept. */
  keep(chunk: Buffer): boolean {
    this.#bytes += chunk.length
    if (this.#bytes > MAX_BYTES) return false
    this.#chunks.push(chunk)
    return true
  }

  keepTrailers(trailers: readonly [string, string][]): void {
    this.#trailers = trailers
  }

  /** Sends what is there; the body may go on. */
  sendTo(caller: Answerer): void {
    caller.head(this.#head)
    // Less than a connection buffers: nobody has to wait until the caller has read.
    for (const chunk of this.#chunks) caller.write(chunk, () => undefined)
  }

  /** Sends the whole answer. */
  sendWholeTo(caller: Answerer): void {
    this.sendTo(caller)
    caller.end('', this.#head.isChunked ? this.#trailers : [])
  }
}
