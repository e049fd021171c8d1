/**
 * Decides whether low-priority calls are shed. The thresholds for on and off differ (hysteresis), so that the state does
 * not flicker. Pure. Sees only how full the queue is and how long a newcomer would wait.
 */

/** Share of the queue at which shedding begins: the last fifth is kept for higher classes. */
const ON_FILL = 0.8
/** Share of the queue below which shedding may end: there is then room for more than one low call. */
const OFF_FILL = 0.5
/** Share of the TTL: a newcomer that waits longer than this is as likely to expire as to run. */
const ON_WAIT = 0.5
const OFF_WAIT = 0.25
/** Milliseconds for which the wait has to stay too long, because one slow call lets the estimate jump until it ends. */
const FOR_MS = 1000

export interface Load {
  readonly depth: number
  readonly maxDepth: number
  /** Milliseconds that a newcomer would wait. */
  readonly estimateMs: number
  readonly ttlMs: number
}

export class Overload {
  #isOn = false
  /** Milliseconds: since when the wait has been too long; undefined while it is not. */
  #longSinceMs: number | undefined

  get isOn(): boolean {
    return this.#isOn
  }

  /** Takes in the lane's load; true when the state changed. */
  look(load: Load, nowMs: number): boolean {
    const { depth, maxDepth, estimateMs, ttlMs } = load
    // With an empty queue a low call takes no place from a higher class.
    const isLong = depth > 0 && estimateMs > ON_WAIT * ttlMs
    this.#longSinceMs = isLong ? (this.#longSinceMs ?? nowMs) : undefined
    const before = this.#isOn
    if (!before) {
      const isLongEnough = this.#longSinceMs !== undefined && nowMs - this.#longSinceMs >= FOR_MS
      this.#isOn = (depth > 0 && depth >= ON_FILL * maxDepth) || isLongEnough
    } else if (depth === 0 || (depth < OFF_FILL * maxDepth && estimateMs < OFF_WAIT * ttlMs)) {
      this.#isOn = false
    }
    return this.#isOn !== before
  }
}
