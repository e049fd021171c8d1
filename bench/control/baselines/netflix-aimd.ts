/**
 * Netflix AIMD with its defaults. A drop or a call of more than 5 s lowers the limit by 10 % (at least 1). A good call adds 1
 * if at least half of the limit is in flight.
 * Source: https://github.com/Netflix/concurrency-limits (AIMDLimit.java at 00f751f), Apache-2.0; formula only.
 */
import type { LimitRange } from '../../../src/lane/limit/limiter.ts'
import type { CallSample, PerCallLaw } from './per-call.ts'

const BACKOFF_RATIO = 0.9
const TIMEOUT_MS = 5000

export class NetflixAimd implements PerCallLaw {
  readonly name = 'netflix-aimd'
  estimate: number

  constructor(start: number) {
    this.estimate = start
  }

  sample({ rttMs, inFlightAtStart, isDropped }: CallSample, bounds: LimitRange): void {
    const limit = this.estimate
    if (isDropped || rttMs > TIMEOUT_MS)
      this.estimate = Math.min(limit - 1, Math.floor(limit * BACKOFF_RATIO))
    else if (inFlightAtStart * 2 >= limit) this.estimate = limit + 1
    this.estimate = Math.min(bounds.max, Math.max(bounds.min, this.estimate))
  }
}
