/**
 * Measures how long a tool took for one call. Its time begins when the whole request is written, and leaves out the time in
 * which the caller did not read. Milliseconds. Must not know verdicts, which decide whether the time is a measurement.
 */

export class ToolTime {
  readonly #nowMs: () => number
  readonly #startedAtMs: number
  /** The tool's time begins here. */
  #sentAtMs: number
  #firstByteAtMs = 0
  #leftAtMs: number | undefined

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
    this.#startedAtMs = nowMs()
    this.#sentAtMs = this.#startedAtMs
  }

  /** The request, with its body, is written. */
  sent(): void {
    this.#sentAtMs = this.#nowMs()
  }

  /** The response head came: milliseconds since the lease began. */
  answered(): number {
    this.#firstByteAtMs = this.#nowMs()
    return this.#firstByteAtMs - this.#startedAtMs
  }

  /** The caller left. An attempt to connect may last much longer. */
  callerLeft(): void {
    this.#leftAtMs = this.#nowMs()
  }

  /** Milliseconds that the caller waited for the tool before it left. */
  waitedMs(): number {
    return Math.max(0, (this.#leftAtMs ?? this.#nowMs()) - this.#sentAtMs)
  }

  /** Milliseconds since the lease began. */
  heldMs(): number {
    return this.#nowMs() - this.#startedAtMs
  }

  /** The tool's time so far; `callerMs`: milliseconds in which the caller did not read. */
  elapsedMs(callerMs: number): number {
    return Math.max(0, this.#nowMs() - this.#sentAtMs - callerMs)
  }

  /** From the request to the response head: the latency of an event stream, which may stay open for any time. */
  firstByteMs(): number {
    return this.#firstByteAtMs - Math.min(this.#sentAtMs, this.#firstByteAtMs)
  }
}
