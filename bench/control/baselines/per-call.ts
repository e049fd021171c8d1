/**
 * The shape that most published laws share: hear of every ended call, keep one estimate of the limit. Timeouts of a
 * caller and errors of a tool are their "drops"; what says nothing about the tool is not told to them.
 */
import type { LimitRange, SentCall, CallEnd, Decision, Limiter } from '../../../src/lane/limit/limiter.ts'

export interface CallSample {
  readonly rttMs: number
  /** Calls in flight when this one was sent, itself included. */
  readonly inFlightAtStart: number
  /** Calls in flight as it ends, itself included. */
  readonly inFlight: number
  readonly isDropped: boolean
  readonly nowMs: number
}

export interface PerCallLaw {
  readonly name: string
  /** The limit that it wants; the lane rounds down and clamps. */
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

/** Rounded down log10, at least 1: the step that Vegas and its descendants take. */
export function log10Step(limit: number): number {
  return Math.max(1, Math.floor(Math.log10(limit)))
}

/** A mean of the first `warmup` values, then exponentially weighted with 2 / (window + 1). */
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
