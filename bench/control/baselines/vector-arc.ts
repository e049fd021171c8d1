/**
 * Vector's adaptive request concurrency with its defaults. It decides once per past mean rtt. A mean rtt at or below the past
 * mean adds 1 if the limit was reached. Back-pressure, or a mean above the past mean + 2.5 deviations, multiplies the limit
 * by 0.9. The past mean and variance are exponentially weighted with 0.4. The limit starts at 1.
 * Source: https://github.com/vectordotdev/vector (adaptive_concurrency/controller.rs at 05b56b7), MPL-2.0; formula only.
 */
import type { LimitRange } from '../../../src/lane/limit/limiter.ts'
import type { CallSample, PerCallLaw } from './per-call.ts'

const EWMA_ALPHA = 0.4
const DECREASE_RATIO = 0.9
const RTT_DEVIATION_SCALE = 2.5

export class VectorArc implements PerCallLaw {
  readonly name = 'vector-arc'
  estimate = 1
  #past: { meanMs: number; variance: number } | undefined
  #nextAtMs = 0
  #sumMs = 0
  #count = 0
  #hadBackPressure = false
  #hasReachedLimit = false

  sample({ rttMs, inFlightAtStart, isDropped, nowMs }: CallSample, bounds: LimitRange): void {
    if (isDropped) this.#hadBackPressure = true
    else {
      this.#sumMs += rttMs
      this.#count++
    }
    if (inFlightAtStart >= this.estimate) this.#hasReachedLimit = true
    const meanMs = this.#count === 0 ? undefined : this.#sumMs / this.#count
    if (this.#past === undefined) {
      if (meanMs === undefined) return
      this.#past = { meanMs, variance: 0 }
      this.#nextAtMs = nowMs + meanMs
    } else if (nowMs >= this.#nextAtMs) {
      this.#manage(this.#past, meanMs, bounds)
      if (meanMs !== undefined) this.#remember(this.#past, meanMs)
      this.#nextAtMs = nowMs + this.#past.meanMs
      this.#sumMs = 0
      this.#count = 0
      this.#hadBackPressure = false
      this.#hasReachedLimit = false
    }
  }

  #manage(past: { meanMs: number; variance: number }, meanMs: number | undefined, bounds: LimitRange): void {
    const highMs = past.meanMs + RTT_DEVIATION_SCALE * Math.sqrt(past.variance)
    const isCalm = meanMs !== undefined && meanMs <= past.meanMs && !this.#hadBackPressure
    if (isCalm && this.#hasReachedLimit) this.estimate = Math.min(bounds.max, this.estimate + 1)
    else if (this.#hadBackPressure || (meanMs ?? 0) >= highMs) {
      this.estimate = Math.max(1, Math.floor(this.estimate * DECREASE_RATIO))
    }
  }

  #remember(past: { meanMs: number; variance: number }, meanMs: number): void {
    const difference = meanMs - past.meanMs
    const increment = EWMA_ALPHA * difference
    past.meanMs += increment
    past.variance = (1 - EWMA_ALPHA) * (past.variance + difference * increment)
  }
}
