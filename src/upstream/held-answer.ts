/**
 * An answer that is kept back while it may still be thrown away for another try: head and body up to a bound. Beyond the
 * bound it goes out as it is, and what follows is streamed. Knows nothing of retries.
 */
import type { ServerResponse } from 'node:http'
import type { Head } from './answer-head.ts'

/** Bytes of a body: what tools say when they fail is short. */
const MAX_BYTES = 65_536

export class HeldAnswer {
  readonly #response: ServerResponse
  readonly #head: Head
  readonly #chunks: Buffer[] = []
  #bytes = 0

  constructor(response: ServerResponse, head: Head) {
    this.#response = response
    this.#head = head
  }

  /** Takes a piece of the body; false when it is more than is kept. */
  keep(chunk: Buffer): boolean {
    this.#bytes += chunk.length
    if (this.#bytes > MAX_BYTES) return false
    this.#chunks.push(chunk)
    return true
  }

  /** Sends what is there; the body may go on. */
  release(): void {
    this.#response.writeHead(this.#head.status, this.#head.text, this.#head.headers)
    for (const chunk of this.#chunks) this.#response.write(chunk)
  }
}
