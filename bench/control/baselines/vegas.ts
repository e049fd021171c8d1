/**
 * Netflix Vegas with its defaults. queue = ceil(limit x (1 - rttNoLoad / rtt)); with s = max(1, floor(log10 limit)):
 * a drop or queue > 6 s lowers the limit by s; queue <= s adds 6 s; queue < 3 s adds s. rttNoLoad is the lowest rtt so far,
 * and is measured again every 0.75 x 30 x limit calls (0.75 is the mean of the published jitter of 0.5 to 1).
 * Source: https://github.com/Netflix/concurrency-limits (VegasLimit.java at 141214d), Apache-2.0; formula only.
 */
import type { LimitRange } from '../../../src/lane/limit/limiter.ts'
import { log10Step } from './per-call.ts'
import type { CallSample, PerCallLaw } from './per-call.ts'

const PROBE_CALLS_PER_SLOT = 0.75 * 30

export class Vegas implements PerCallLaw {
  readonly name = 'vegas'
  estimate: number
  #noLoadMs = Infinity
  #sinceProbe = 0

  constructor(start: number) {
    this.estimate = start
  }

  sample({ rttMs, inFlightAtStart, isDropped }: CallSample, bounds: LimitRange): void {
    this.#sinceProbe++
    if (this.#sinceProbe >= PROBE_CALLS_PER_SLOT * this.estimate) {
      this.#sinceProbe = 0
      this.#noLoadMs = rttMs
      return
    }
    if (rttMs < this.#noLoadMs) {
      this.#noLoadMs = rttMs
      return
    }
    const next = this.#next(rttMs, inFlightAtStart, isDropped)
    this.estimate = Math.min(bounds.max, Math.max(bounds.min, next))
  }

  #next(rttMs: number, inFlight: number, isDropped: boolean): number {
    const limit = this.estimate
    const step = log10Step(limit)
    if (isDropped) return limit - step
    if (inFlight * 2 < limit) return limit
    const queue = Math.ceil(limit * (1 - this.#noLoadMs / rttMs))
    if (queue <= step) return limit + 6 * step
    if (queue < 3 * step) return limit + step
    return queue > 6 * step ? limit - step : limit
  }
}
