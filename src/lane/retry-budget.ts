/**
 * How many of the recent calls may be retries: a share of them, and always a few, so that a lane with few calls can retry
 * at all. Without a budget a failing tool would get several times the load that made it fail. Counts the last 10 to 20 s
 * in two halves, at O(1). Pure.
 */

/** Milliseconds of one half. */
const TURN_MS = 10_000
/** Retries that are always allowed in that time. */
const AT_LEAST = 3

export class RetryBudget {
  #turn = 0
  #now = { calls: 0, retries: 0 }
  #before = { calls: 0, retries: 0 }

  called(nowMs: number): void {
    this.#to(nowMs)
    this.#now.calls++
  }

  /** Takes one retry out of the budget; false when there is none left. */
  take(ratio: number, nowMs: number): boolean {
    this.#to(nowMs)
    const calls = this.#now.calls + this.#before.calls
    if (this.#now.retries + this.#before.retries >= Math.max(AT_LEAST, ratio * calls)) return false
    this.#now.retries++
    return true
  }

  #to(nowMs: number): void {
    const turn = Math.floor(nowMs / TURN_MS)
    if (turn === this.#turn) return
    this.#before = turn === this.#turn + 1 ? this.#now : { calls: 0, retries: 0 }
    this.#now = { calls: 0, retries: 0 }
    this.#turn = turn
  }
}
