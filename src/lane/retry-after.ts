/**
 * When a refused caller should come back. Places come free at limit / service time (Little's law), so the n-th caller
 * refused in a row is told the time at which the n-th place comes free: the advice spreads by itself.
 * Units: milliseconds. Rounding to the header's whole seconds is reply/'s affair.
 */

/** Weight of one ended call in the mean service time: about the last 20 calls count. */
const SERVICE_WEIGHT = 0.1
/** Milliseconds assumed for a lane that has not yet seen a call end. */
const UNKNOWN_SERVICE_MS = 1000
/** Milliseconds after the last end of a call for which the mean holds: what was measured an hour ago is a guess. */
const FRESH_MS = 60_000

export interface RetryBounds {
  readonly minMs: number
  readonly maxMs: number
}

/** How many calls run now, and how old they are together. */
export interface Running {
  readonly active: number
  readonly limit: number
  /** Milliseconds: the sum of the running calls' ages. */
  readonly agesMs: number
}

interface PromiseAt {
  readonly nowMs: number
  readonly spread: number
  readonly readyAtMs?: number | undefined
}

export class RetryAdvice {
  #serviceMs: number | undefined
  #endedAtMs = -Infinity
  /** Milliseconds: when the last place that was promised to somebody comes free. */
  #promisedAtMs = -Infinity

  /** A lease ended after `heldMs`. */
  ended(heldMs: number, nowMs: number): void {
    this.#endedAtMs = nowMs
    this.#serviceMs =
      this.#serviceMs === undefined ? heldMs : this.#serviceMs + SERVICE_WEIGHT * (heldMs - this.#serviceMs)
  }

  /**
   * Milliseconds between two freed places. Running calls that are already older than the mean count with their age, so
   * that a tool that hangs is seen before its first call ends.
   */
  perPlaceMs(running: Running): number {
    const meanAgeMs = running.active === 0 ? 0 : running.agesMs / running.active
    return Math.max(this.#serviceMs ?? UNKNOWN_SERVICE_MS, meanAgeMs) / Math.max(1, running.limit)
  }

  /**
   * The same from what was measured lately; undefined when nothing was. Running calls measure, too: a tool that hangs for
   * longer than a mean stays fresh shows it by their age.
   */
  measuredPerPlaceMs(running: Running, nowMs: number): number | undefined {
    if (this.#serviceMs === undefined) return undefined
    if (nowMs - this.#endedAtMs <= FRESH_MS) return this.perPlaceMs(running)
    return running.active === 0 ? undefined : running.agesMs / running.active / Math.max(1, running.limit)
  }

  /**
   * Milliseconds within `bounds` after which the next refused caller should come back; `spread` is luck, 0 <= spread < 1.
   * `readyAtMs`: when the first place comes, where something else than the running calls says so.
   */
  next(perPlaceMs: number, bounds: RetryBounds, at: PromiseAt): number {
    const firstAtMs = at.readyAtMs ?? at.nowMs + perPlaceMs
    const promisedAtMs = Math.max(this.#promisedAtMs + perPlaceMs, firstAtMs, at.nowMs + bounds.minMs)
    this.#promisedAtMs = Math.min(promisedAtMs, at.nowMs + bounds.maxMs)
    const waitMs = promisedAtMs - at.nowMs
    return withinBounds(waitMs, bounds, at.spread)
  }

  /** The same for a wait whose end is known, or Infinity: luck spreads the callers over a quarter of it more. */
  until(endsAtMs: number, bounds: RetryBounds, at: { nowMs: number; spread: number }): number {
    const endsInMs = Math.max(bounds.minMs, endsAtMs - at.nowMs)
    return withinBounds(endsInMs * (1 + at.spread / 4), bounds, at.spread)
  }
}

/** A longer wait than may be advised: luck spreads the callers over the upper half, instead of all at maxMs. */
function withinBounds(waitMs: number, bounds: RetryBounds, spread: number): number {
  const boundedMs = waitMs > bounds.maxMs ? bounds.maxMs * (1 - spread / 2) : waitMs
  return Math.round(Math.max(bounds.minMs, boundedMs))
}
