/**
 * What an operator ordered: a pause, a pinned limit, both or neither, each with or without an end. Knows nothing of the
 * control law; limit-control.ts applies the pin.
 */

/** An operator's order; what it leaves out stays as it is. */
export interface OverrideOrder {
  readonly limit?: number | 'auto' | undefined
  readonly paused?: boolean | undefined
  /** Milliseconds after which the order ends by itself. */
  readonly forMs?: number | undefined
}

interface Pin {
  readonly limit: number
  readonly untilMs: number
}

export class OperatorOverride {
  #pin: Pin | undefined
  /** Milliseconds on the lane's clock; undefined while not paused, Infinity for a pause without an end. */
  #pausedUntilMs: number | undefined

  get isPaused(): boolean {
    return this.#pausedUntilMs !== undefined
  }

  /** The limit that the operator pinned; undefined while the law decides. */
  get pinnedLimit(): number | undefined {
    return this.#pin?.limit
  }

  /** Milliseconds: when the pause ends by itself; Infinity when it has no end or there is none. */
  get pausedUntilMs(): number {
    return this.#pausedUntilMs ?? Infinity
  }

  /** Milliseconds: when the pin ends by itself; Infinity when it has no end or there is none. */
  get pinnedUntilMs(): number {
    return this.#pin?.untilMs ?? Infinity
  }

  nextDueAtMs(): number {
    return Math.min(this.pausedUntilMs, this.pinnedUntilMs)
  }

  obey(order: OverrideOrder, nowMs: number): void {
    const untilMs = order.forMs === undefined ? Infinity : nowMs + order.forMs
    if (order.limit === 'auto') this.#pin = undefined
    else if (order.limit !== undefined) this.#pin = { limit: order.limit, untilMs }
    if (order.paused !== undefined) this.#pausedUntilMs = order.paused ? untilMs : undefined
  }

  /** Ends the orders that are due; true when there was one. */
  expire(nowMs: number): boolean {
    if (this.nextDueAtMs() > nowMs) return false
    if (this.pausedUntilMs <= nowMs) this.#pausedUntilMs = undefined
    if (this.pinnedUntilMs <= nowMs) this.#pin = undefined
    return true
  }
}
