/**
 * Netflix Gradient2 as published, once for each window of at least 1 s and 10 measured calls:
 *
 *     gradient = clamp(longRtt / rtt, 0.5, 1)                         rtt: the window's mean latency
 *     wanted   = limit x gradient + QUEUE_ALLOWANCE
 *     limit    = clamp(0.8 x limit + 0.2 x wanted, min, max)          unless less than half of the limit was in flight
 *
 * longRtt: the mean of the first 10 windows, then exponentially weighted over 600; once it is over twice rtt it loses
 * 10 %. The floor is the lane's minConcurrent. State: limit (fractional), longRtt, one window. Units: calls and
 * milliseconds. Known faults of the published law, kept: it ignores drops, and a latency that stays high becomes normal.
 * Source: https://github.com/Netflix/concurrency-limits (Gradient2Limit.java at 14ddfa2, WindowedLimit.java), formula only.
 */
import type { LimitRange, SentCall, CallEnd, Decision, Figures, Limiter } from './limiter.ts'

/** Calls that may wait inside the tool before the limit falls. */
const QUEUE_ALLOWANCE = 4
/** Weight of one update. */
const SMOOTHING = 0.2
const LONG_WINDOWS = 600
const WARMUP_WINDOWS = 10
const LOWEST_GRADIENT = 0.5
/** If the long-term latency is more than this many times the latest one, the tool has become faster... */
const OVERTAKEN_RATIO = 2
/** ...and the long-term latency is multiplied by this. */
const OVERTAKEN_DECAY = 0.9
/** Below this share of the limit in flight, latency says nothing about the limit. */
const USED_RATIO = 0.5
/** Milliseconds and calls that a window needs to close. */
const WINDOW_MS = 1000
const WINDOW_CALLS = 10

/** The limit after one window. Pure. */
export function nextLimit(
  limit: number,
  latency: { readonly rttMs: number; readonly longMs: number },
  bounds: LimitRange,
): number {
  const gradient = Math.max(LOWEST_GRADIENT, Math.min(1, latency.longMs / latency.rttMs))
  const wanted = limit * gradient + QUEUE_ALLOWANCE
  return Math.min(bounds.max, Math.max(bounds.min, limit * (1 - SMOOTHING) + wanted * SMOOTHING))
}

export class GradientLimiter implements Limiter {
  readonly algorithm = 'gradient'
  /** Calls; undefined until the first step was given the lane's limit. */
  #limit: number | undefined
  #longMs = 0
  #windows = 0
  #openedAtMs: number | undefined
  #sumMs = 0
  #calls = 0
  #peak = 0

  sent(_call: SentCall, active: number): void {
    if (active > this.#peak) this.#peak = active
  }

  ended(_call: SentCall, end: CallEnd, nowMs: number): void {
    if (end.verdict !== 'ok' || end.latencyMs === undefined) return
    this.#openedAtMs ??= nowMs
    this.#sumMs += end.latencyMs
    this.#calls++
  }

  step(limit: number, bounds: LimitRange, nowMs: number): Decision | undefined {
    if (nowMs < this.wakeAtMs()) return undefined
    const rttMs = Math.max(Number.MIN_VALUE, this.#sumMs / this.#calls)
    const longMs = this.#learn(rttMs)
    const figures: Figures = { calls: this.#calls, errorRate: 0, meanMs: rttMs, baseMs: longMs }
    const before = this.#limit ?? limit
    const isUsed = this.#peak >= before * USED_RATIO
    this.#reopen()
    if (!isUsed) return { limit, action: 'hold', reason: 'limit_not_used', figures }
    this.#limit = nextLimit(before, { rttMs, longMs }, bounds)
    const next = Math.min(bounds.max, Math.max(bounds.min, Math.floor(this.#limit)))
    if (next > limit) return { limit: next, action: 'increase_concurrency', reason: 'gradient_up', figures }
    if (next < limit) return { limit: next, action: 'decrease_concurrency', reason: 'gradient_down', figures }
    return { limit, action: 'hold', reason: 'in_band', figures }
  }

  moved(): void {
    this.#limit = undefined
    this.#reopen()
  }

  wakeAtMs(): number {
    return this.#openedAtMs === undefined || this.#calls < WINDOW_CALLS
      ? Infinity
      : this.#openedAtMs + WINDOW_MS
  }

  #learn(rttMs: number): number {
    this.#windows++
    const weight = this.#windows <= WARMUP_WINDOWS ? 1 / this.#windows : 2 / (LONG_WINDOWS + 1)
    this.#longMs += weight * (rttMs - this.#longMs)
    const longMs = this.#longMs
    if (longMs / rttMs > OVERTAKEN_RATIO) this.#longMs *= OVERTAKEN_DECAY
    return longMs
  }

  #reopen(): void {
    this.#openedAtMs = undefined
    this.#sumMs = 0
    this.#calls = 0
    this.#peak = 0
  }
}
