/**
 * The form that most published laws share, made a limiter of Spillway: a law gets a sample of every ended call and keeps one
 * estimate of the limit. Timeouts of callers and errors of the tool are drops. Calls with the verdict ignored are left out.
 */
import type { LimitRange, SentCall, CallEnd, Decision, Limiter } from '../../../src/lane/limit/limiter.ts'

export interface CallSample {
  readonly rttMs: number
  /** Calls in flight when this one was sent, itself included. */
  readonly inFlightAtStart: number
  /** Calls in flight when this one ended, itself included. */
  readonly inFlight: number
  readonly isDropped: boolean
  readonly nowMs: number
}

export interface PerCallLaw {
  readonly name: string
  /** The limit that the law decides; it is rounded down and clamped to the bounds. */
  readonly estimate: number
  sample(sample: CallSample, bounds: LimitRange): void
}

export class PerCallLimiter implements Limiter {
  readonly algorithm: string
  readonly #law: PerCallLaw
  readonly #bounds: LimitRange
  readonly #started = new Map<SentCall, number>()

  constructor(law: PerCallLaw, bounds: LimitRange) {
    this.algorithm = law.name
    this.#law = law
    this.#bounds = bounds
  }

  sent(call: SentCall, active: number): void {
    this.#started.set(call, active)
  }

  ended(call: SentCall, end: CallEnd, nowMs: number): void {
    const inFlight = this.#started.size
    const inFlightAtStart = this.#started.get(call) ?? inFlight
    this.#started.delete(call)
    const isDropped = end.verdict === 'dropped' || end.cause === 'cancelled'
    if (end.verdict === 'ignored' && !isDropped) return
    const rttMs = end.latencyMs ?? nowMs - call.grantedAtMs
    this.#law.sample({ rttMs, inFlightAtStart, inFlight, isDropped, nowMs }, this.#bounds)
  }

  step(limit: number, bounds: LimitRange): Decision | undefined {
    const next = Math.min(bounds.max, Math.max(bounds.min, Math.floor(this.#law.estimate)))
    if (next === limit) return undefined
    const action = next > limit ? 'increase_concurrency' : 'decrease_concurrency'
    return { limit: next, action, reason: 'in_band', figures: { calls: 1, errorRate: 0 } }
  }

  moved(): void {}

  wakeAtMs(): number {
    return Infinity
  }
}

/** log10 rounded down, at least 1: the step of Vegas and the laws derived from it. */
export function log10Step(limit: number): number {
  return Math.max(1, Math.floor(Math.log10(limit)))
}

/** The mean of the first `warmup` values, then an exponentially weighted average with weight 2 / (window + 1). */
export class WarmedAverage {
  value = 0
  readonly #window: number
  readonly #warmup: number
  #count = 0

  constructor(window: number, warmup: number) {
    this.#window = window
    this.#warmup = warmup
  }

  add(sample: number): number {
    this.#count++
    const weight = this.#count <= this.#warmup ? 1 / this.#count : 2 / (this.#window + 1)
    this.value += weight * (sample - this.value)
    return this.value
  }
}
