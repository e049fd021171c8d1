/**
 * failsafe-go's adaptive limiter with its defaults. A window of at least 50 calls and max(1 s, 2 x min rtt) gives a p90,
 * smoothed by a median of 5 and an average of 5; the baseline is an average of 10 of these. queue = ceil(limit x (1 -
 * baseline / recent)). Correlations of in-flight with throughput and with latency over 50 windows prevent a full limit
 * from drifting up. The limit stays below 5 times the calls in flight. Steps are log10 of the limit.
 * Source: https://github.com/failsafe-go/failsafe-go (adaptivelimiter.go at 06622f2), MIT; formula only.
 */
import type { LimitRange } from '../../../src/lane/limit/limiter.ts'
import { percentile } from '../../../src/lane/sample.ts'
import { Correlation } from './correlation.ts'
import { WarmedAverage, log10Step } from './per-call.ts'
import type { CallSample, PerCallLaw } from './per-call.ts'

const FEWEST_CALLS = 50
const SHORTEST_MS = 1000
const LONGEST_MS = 30_000
const MAX_LIMIT_FACTOR = 5

export class Failsafe implements PerCallLaw {
  readonly name = 'failsafe-go'
  estimate: number
  #rttsMs: number[] = []
  #peak = 0
  #nextAtMs = -Infinity
  #medians: number[] = []
  readonly #recent = new WarmedAverage(5, 10)
  readonly #baseline = new WarmedAverage(10, 10)
  readonly #throughput = new Correlation(50, 10)
  readonly #latency = new Correlation(50, 10)

  constructor(start: number) {
    this.estimate = start
  }

  sample(sample: CallSample, bounds: LimitRange): void {
    if (!sample.isDropped) {
      this.#rttsMs.push(sample.rttMs)
      this.#peak = Math.max(this.#peak, sample.inFlightAtStart)
    }
    if (sample.nowMs <= this.#nextAtMs || this.#rttsMs.length < FEWEST_CALLS) return
    const p90Ms = percentile(new Float64Array(this.#rttsMs), 0.9) as number
    this.#medians = [...this.#medians, p90Ms].slice(-5)
    const medianMs = percentile(new Float64Array(this.#medians), 0.5) as number
    this.#update(this.#recent.add(medianMs), sample.inFlight >= Math.floor(this.estimate), bounds)
    const windowMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, 2 * Math.min(...this.#rttsMs)))
    this.#nextAtMs = sample.nowMs + windowMs
    this.#rttsMs = []
    this.#peak = 0
  }

  #update(recentMs: number, isFull: boolean, bounds: LimitRange): void {
    const limit = this.estimate
    const step = log10Step(limit)
    const queue = Math.ceil(limit * (1 - this.#baseline.add(recentMs) / recentMs))
    const throughput = this.#throughput.add(this.#peak, this.#peak / recentMs)
    const latency = this.#latency.add(this.#peak, recentMs)
    const isDrifting =
      throughput.correlation < 0 ||
      (throughput.correlation < 0.3 && latency.correlation > 0.5) ||
      (throughput.variation < 0.2 && latency.correlation > 0.5)
    let next = limit
    if (queue > 6 * step || (isFull && isDrifting)) next = limit - step
    else if (queue < 3 * step) next = limit + step
    if (next > this.#peak * MAX_LIMIT_FACTOR) next = limit - step
    this.estimate = Math.min(bounds.max, Math.max(bounds.min, next))
  }
}
