/**
 * A tool's own rate limit as a token bucket that fills at callsPerSecond up to `burst`. A call that finds it empty starts a
 * penalty, during which every call is refused. Units: milliseconds.
 */
import type { Quota } from '../scenario.ts'

export class QuotaGate {
  readonly #quota: Quota
  #saved: number
  #savedAtMs = 0
  #penaltyUntilMs = -Infinity

  constructor(quota: Quota) {
    this.#quota = quota
    this.#saved = quota.burst
  }

  /** Counts a call: undefined when it is accepted, else the milliseconds until the penalty is over. */
  refuses(nowMs: number): number | undefined {
    if (nowMs < this.#penaltyUntilMs) return this.#penaltyUntilMs - nowMs
    const { callsPerSecond, burst, penaltySeconds } = this.#quota
    this.#saved = Math.min(burst, this.#saved + ((nowMs - this.#savedAtMs) * callsPerSecond) / 1000)
    this.#savedAtMs = nowMs
    if (this.#saved >= 1) {
      this.#saved--
      return undefined
    }
    this.#penaltyUntilMs = nowMs + penaltySeconds * 1000
    return penaltySeconds * 1000
  }
}
