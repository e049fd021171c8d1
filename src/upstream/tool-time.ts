/**
 * How long a tool took for one call: what counts from the whole request to the answer, without the time in which the
 * caller did not read. Milliseconds on the exchange's clock. Knows no verdicts: whether it is a measurement is not its affair.
 */

export class ToolTime {
  readonly #nowMs: () => number
  readonly #startedAtMs: number
  /** From here on the tool's time counts. */
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

  /** The caller has gone; an attempt to connect may go on for long after that. */
  callerLeft(): void {
    this.#leftAtMs = this.#nowMs()
  }

  /** How long the caller waited for the tool before it left. */
  waitedMs(): number {
    return Math.max(0, (this.#leftAtMs ?? this.#nowMs()) - this.#sentAtMs)
  }

  /** Since the lease began. */
  heldMs(): number {
    return this.#nowMs() - this.#startedAtMs
  }

  /** The tool's own time since it has the request; in `callerMs` of it its caller did not read. */
  elapsedMs(callerMs: number): number {
    return Math.max(0, this.#nowMs() - this.#sentAtMs - callerMs)
  }

  /** From the request to the head of the answer: all that a stream says of its tool's speed. */
  firstByteMs(): number {
    return this.#firstByteAtMs - Math.min(this.#sentAtMs, this.#firstByteAtMs)
  }
}
