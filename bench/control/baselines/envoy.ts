/**
 * Envoy's gradient controller with its defaults (p50, buffer 25 %, minRTT from 50 calls at a limit of 3). Figures without a
 * default come from its documentation (minRTT every 60 s, with the mean of its 15 % jitter). Once per update interval:
 *
 *     gradient = clamp(minRTT x 1.25 / sampleRTT, 0.5, 2)      limit = limit x gradient + sqrt(limit x gradient)
 *
 * After five updates in a row at the smallest limit, minRTT is measured again. Source:
 * https://github.com/envoyproxy/envoy (adaptive_concurrency/controller/gradient_controller.cc at 054694f), Apache-2.0;
 * formula only. At tens of calls a second an interval of 0.1 s, as documented, has too few calls, so 2 s is measured, too.
 */
import type { LimitRange, SentCall, CallEnd, Decision, Limiter } from '../../../src/lane/limit/limiter.ts'
import { percentile } from '../../../src/lane/sample.ts'

const MIN_CONCURRENCY = 3
const MIN_RTT_CALLS = 50
const MIN_RTT_INTERVAL_MS = 60_000 * 1.075
const BUFFER = 1.25
const STUCK_UPDATES = 5

export class EnvoyGradient implements Limiter {
  readonly algorithm: string
  readonly #intervalMs: number
  #limit = MIN_CONCURRENCY
  /** The limit to restore after the present measurement of minRTT; undefined when none runs. */
  #deferred: number | undefined = MIN_CONCURRENCY
  #measuredFromMs = -Infinity
  #measureAtMs = Infinity
  #updateAtMs: number
  #minRttMs = 0
  #rttsMs: number[] = []
  #updatesAtMinimum = 0

  constructor(name: string, intervalMs: number) {
    this.algorithm = name
    this.#intervalMs = intervalMs
    this.#updateAtMs = intervalMs
  }

  sent(): void {}
  moved(): void {}

  ended(call: SentCall, end: CallEnd, nowMs: number): void {
    if (end.verdict === 'ignored' || call.grantedAtMs < this.#measuredFromMs) return
    this.#rttsMs.push(end.latencyMs ?? nowMs - call.grantedAtMs)
    if (this.#deferred !== undefined && this.#rttsMs.length >= MIN_RTT_CALLS) this.#endMeasurement(nowMs)
  }

  step(limit: number, bounds: LimitRange, nowMs: number): Decision | undefined {
    if (this.#deferred === undefined && nowMs >= this.#measureAtMs) this.#measure(nowMs)
    if (this.#deferred === undefined && nowMs >= this.#updateAtMs) this.#update(bounds, nowMs)
    const next = Math.min(bounds.max, Math.max(bounds.min, this.#limit))
    if (next === limit) return undefined
    const action = next > limit ? 'increase_concurrency' : 'decrease_concurrency'
    return { limit: next, action, reason: 'in_band', figures: { calls: 0, errorRate: 0 } }
  }

  wakeAtMs(): number {
    return this.#deferred === undefined ? Math.min(this.#measureAtMs, this.#updateAtMs) : Infinity
  }

  #measure(nowMs: number): void {
    this.#deferred = this.#limit
    this.#limit = MIN_CONCURRENCY
    this.#rttsMs = []
    this.#measuredFromMs = nowMs
  }

  #endMeasurement(nowMs: number): void {
    this.#minRttMs = this.#median()
    this.#limit = this.#deferred ?? this.#limit
    this.#deferred = undefined
    this.#measureAtMs = nowMs + MIN_RTT_INTERVAL_MS
    this.#updateAtMs = nowMs + this.#intervalMs
    this.#updatesAtMinimum = 0
  }

  #update(bounds: LimitRange, nowMs: number): void {
    this.#updateAtMs = nowMs + this.#intervalMs
    if (this.#rttsMs.length === 0) return
    const before = this.#limit
    const gradient = Math.max(0.5, Math.min(2, (this.#minRttMs * BUFFER) / this.#median()))
    const limit = before * gradient
    this.#limit = Math.max(MIN_CONCURRENCY, Math.min(bounds.max, Math.floor(limit + Math.sqrt(limit))))
    const isStuck = before === MIN_CONCURRENCY && this.#limit === MIN_CONCURRENCY
    this.#updatesAtMinimum = isStuck ? this.#updatesAtMinimum + 1 : 0
    if (this.#updatesAtMinimum >= STUCK_UPDATES) this.#measureAtMs = nowMs
  }

  #median(): number {
    const medianMs = percentile(new Float64Array(this.#rttsMs), 0.5) as number
    this.#rttsMs = []
    return medianMs
  }
}
