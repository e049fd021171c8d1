/**
 * The law of the seed document, applied at the end of each window of calls:
 *
 *     error_rate > halveAboveErrorRate (0.1)          limit = max(min, floor(limit / 2))
 *     p95 > decreaseAboveP95Ms (4000)                 limit = max(min, limit - decreaseBy (2))
 *     p95 < increaseBelowP95Ms (1200) and
 *       error_rate < increaseBelowErrorRate (0.02)    limit = min(max, limit + increaseBy (1))
 *
 * with two guards, without which it follows noise. A window has a least length and a least number of calls, and only
 * latencies of calls sent since the limit last moved count. The limit grows only if it was used.
 * State: one window. Units: milliseconds and calls. Source: the seed document, "Reduce concurrency when latency
 * spikes"; the guards' figures were found by simulation.
 */
import { LatencySample, percentile } from '../sample.ts'
import type { AimdSettings } from '../settings.ts'
import type { LimitRange, SentCall, CallEnd, Decision, Figures, Limiter } from './limiter.ts'

/** Calls that a window needs for each slot of the limit, within the bounds below. */
const CALLS_PER_SLOT = 2.5
const FEWEST_CALLS = 8
const MOST_CALLS_NEEDED = 40
/** The window of a slow tool closes after this many milliseconds with this many calls. */
const LONG_WINDOW_MS = 15_000
const LONG_WINDOW_CALLS = 3
/** The limit counts as used if this share of it was in flight, or this share of the calls had to wait. */
const USED_RATIO = 0.8
const WAITED_RATIO = 0.3

export interface Window {
  readonly figures: Figures
  /** Whether the limit was used in this window. */
  readonly used: boolean
}

/** The pure law. */
export function nextLimit(limit: number, window: Window, law: AimdSettings & LimitRange): Decision {
  const { figures } = window
  const { errorRate, p95Ms } = figures
  const hold = (reason: Decision['reason']): Decision => ({ limit, action: 'hold', reason, figures })
  const down = (wanted: number, reason: Decision['reason']): Decision => {
    const next = Math.max(law.min, wanted)
    return next < limit
      ? { limit: next, action: 'decrease_concurrency', reason, figures }
      : hold('at_minimum')
  }
  if (errorRate > law.halveAboveErrorRate) return down(Math.floor(limit / 2), 'error_rate_high')
  if (p95Ms === undefined) return hold('no_latency')
  if (p95Ms > law.decreaseAboveP95Ms) return down(limit - law.decreaseBy, 'latency_high')
  if (p95Ms >= law.increaseBelowP95Ms || errorRate >= law.increaseBelowErrorRate) return hold('in_band')
  if (!window.used) return hold('limit_not_used')
  const next = Math.min(law.max, limit + law.increaseBy)
  return next > limit
    ? { limit: next, action: 'increase_concurrency', reason: 'latency_low', figures }
    : hold('at_maximum')
}

/** The law with its window, as a lane uses it. */
export class AimdLimiter implements Limiter {
  readonly algorithm = 'aimd'
  readonly #law: AimdSettings
  readonly #latency = new LatencySample()
  #openedAtMs: number | undefined
  #movedAtMs = -Infinity
  #calls = 0
  #dropped = 0
  #sent = 0
  #waited = 0
  #peak = 0

  constructor(law: AimdSettings) {
    this.#law = law
  }

  sent(call: SentCall, active: number): void {
    this.#sent++
    if (call.waitedMs > 0) this.#waited++
    if (active > this.#peak) this.#peak = active
  }

  ended(call: SentCall, end: CallEnd, nowMs: number): void {
    // The throttle (../throttle.ts) reacts to pushback; the limit must not fall as well.
    if (end.verdict === 'ignored' || end.pushback !== undefined) return
    this.#openedAtMs ??= nowMs
    this.#calls++
    if (end.verdict === 'dropped') this.#dropped++
    else if (end.latencyMs !== undefined && call.grantedAtMs >= this.#movedAtMs)
      this.#latency.record(end.latencyMs)
  }

  step(limit: number, bounds: LimitRange, nowMs: number): Decision | undefined {
    if (!this.#isDue(limit, nowMs)) return undefined
    const decision = nextLimit(limit, this.#read(limit), { ...this.#law, ...bounds })
    this.#reopen()
    if (decision.limit !== limit) this.#movedAtMs = nowMs
    return decision
  }

  moved(nowMs: number): void {
    this.#movedAtMs = nowMs
    this.#reopen()
  }

  wakeAtMs(limit: number): number {
    if (this.#openedAtMs === undefined || this.#calls < LONG_WINDOW_CALLS) return Infinity
    return this.#openedAtMs + (this.#calls >= callsNeeded(limit) ? this.#law.windowMs : this.#longMs())
  }

  #isDue(limit: number, nowMs: number): boolean {
    // Computed exactly as in wakeAtMs: a result that differed in the last bit would let the timer spin.
    return this.wakeAtMs(limit) <= nowMs
  }

  #longMs(): number {
    return Math.max(LONG_WINDOW_MS, this.#law.windowMs)
  }

  #read(limit: number): Window {
    return {
      figures: {
        calls: this.#calls,
        errorRate: this.#dropped / this.#calls,
        p95Ms: percentile(this.#latency.values(), 0.95),
      },
      used: this.#peak >= USED_RATIO * limit || this.#waited > WAITED_RATIO * this.#sent,
    }
  }

  #reopen(): void {
    this.#openedAtMs = undefined
    this.#latency.reset()
    this.#calls = 0
    this.#dropped = 0
    this.#sent = 0
    this.#waited = 0
    this.#peak = 0
  }
}

function callsNeeded(limit: number): number {
  return Math.min(MOST_CALLS_NEEDED, Math.max(FEWEST_CALLS, CALLS_PER_SLOT * limit))
}
