/**
 * When a refused caller should come back. Slots come free at limit / service time per second (Little's law). The n-th
 * caller refused in a row is told the time at which the n-th slot comes free, which spreads the callers. Measured in
 * test/scenario/retry-after-spread.test.ts. Units: milliseconds; reply/ rounds to the header's whole seconds.
 */

import { RecentRate } from './recent-rate.ts'

/** Weight of one ended call in the mean service time: about the last 20 calls count. */
const SERVICE_WEIGHT = 0.1
/** The same for the steady mean, over about 100 calls: a mean of 20 calls of a varying tool is off by a fifth. */
const STEADY_WEIGHT = 0.02
/** The mean age of running calls is about the mean service time. Beyond this many times the mean, the tool hangs. */
const OLD_RATIO = 2
/** Promises that catch up with free slots follow each other after this share of the time between two slots. */
const CATCH_UP_RATIO = 0.9
/** Multiples of the golden ratio, modulo 1, fill the range from 0 to 1 evenly however many there are. */
const GOLDEN_RATIO = 0.618_033_988_749_895
/** Milliseconds: rounding errors of sums are smaller than this. */
const NEARLY_MS = 1e-6
/** Milliseconds: the service time assumed until the first call has ended. */
const UNKNOWN_SERVICE_MS = 1000
/** Milliseconds after the last end of a call during which the mean is used to refuse newcomers. */
const FRESH_MS = 60_000
/** Milliseconds over which ends of calls are counted. Found by simulation: over 10 s the lane notices a recovery too late. */
const RECENT_MS = 5000

export interface RetryBounds {
  readonly minMs: number
  readonly maxMs: number
}

/** Milliseconds over which the callers of a closed lane are spread. */
const REPLACED_WITHIN_MS = 5000

/** Milliseconds for the callers of a closed lane. When it is replaced is unknown, so the callers are only spread. */
export function untilReplacedMs({ minMs, maxMs }: RetryBounds, spread: number): number {
  return Math.round(minMs + spread * Math.min(REPLACED_WITHIN_MS, maxMs - minMs))
}

/** The number of running calls and the sum of their ages. */
export interface RunningCalls {
  readonly active: number
  readonly limit: number
  /** Milliseconds: the sum of the running calls' ages. */
  readonly agesMs: number
}

interface PromiseAt {
  readonly nowMs: number
  readonly spread: number
  readonly readyAtMs?: number | undefined
}

export class RetryAdvice {
  #serviceMs: number | undefined
  #endedAtMs = -Infinity
  readonly #recent = new RecentRate(RECENT_MS)
  #steadyMs: number | undefined
  #ends = 0
  /** Milliseconds on the clock: when the last promised slot comes free. */
  #placeAtMs = -Infinity
  /** Milliseconds on the clock: when that caller was told to come, which minMs may put after its slot comes free. */
  #toldAtMs = -Infinity
  /** 0 <= n < 1: the place in the upper half of the bounds of the last caller whose slot comes free beyond maxMs. */
  #late: number | undefined

  /** A lease ended after `heldMs`. */
  ended(heldMs: number, nowMs: number): void {
    this.#endedAtMs = nowMs
    this.#recent.begin(nowMs)
    this.#recent.record(nowMs)
    this.#serviceMs =
      this.#serviceMs === undefined ? heldMs : this.#serviceMs + SERVICE_WEIGHT * (heldMs - this.#serviceMs)
    const steadyMs = this.#steadyMs ?? heldMs
    this.#steadyMs = steadyMs + Math.max(STEADY_WEIGHT, 1 / ++this.#ends) * (heldMs - steadyMs)
  }

  /**
   * Milliseconds between two freed slots, for estimates. If the running calls are older than the mean service time, their
   * mean age is used instead, so that a hanging tool is noticed before its first call ends.
   */
  perPlaceMs(running: RunningCalls): number {
    const meanAgeMs = running.active === 0 ? 0 : running.agesMs / running.active
    return Math.max(this.#serviceMs ?? UNKNOWN_SERVICE_MS, meanAgeMs) / Math.max(1, running.limit)
  }

  /**
   * The same for refusing a newcomer whose wait would be too long; undefined when nothing was measured lately. A newcomer
   * that is refused needlessly leaves slots without work, so the most optimistic figure is used: the shorter of the means,
   * or the pace at which calls ended in the last 5 s. When no call has ended for longer than that, the ages of the running
   * calls are used.
   */
  measuredPerPlaceMs(running: RunningCalls, nowMs: number): number | undefined {
    if (this.#serviceMs === undefined) return undefined
    if (nowMs - this.#endedAtMs <= FRESH_MS) {
      const perPlaceMs = this.promisedPerPlaceMs(running)
      const perSec = this.#recent.perSec(nowMs)
      return perSec === undefined ? perPlaceMs : Math.min(perPlaceMs, 1000 / perSec)
    }
    return running.active === 0 ? undefined : running.agesMs / running.active / Math.max(1, running.limit)
  }

  /**
   * Milliseconds between two freed slots, for promises. A promise that is too late leaves the lane without work; one that
   * is too early costs a second refusal. So the shorter mean is used, and a few old calls are not taken for a hang.
   */
  promisedPerPlaceMs(running: RunningCalls): number {
    const meanMs = Math.min(this.#serviceMs ?? UNKNOWN_SERVICE_MS, this.#steadyMs ?? UNKNOWN_SERVICE_MS)
    const meanAgeMs = running.active === 0 ? 0 : running.agesMs / running.active
    return (meanAgeMs > OLD_RATIO * meanMs ? meanAgeMs : meanMs) / Math.max(1, running.limit)
  }

  /**
   * Milliseconds within `bounds` after which the next refused caller should come back. `spread` is a random number from 0
   * to below 1.
   * `readyAtMs`: when the first slot comes free, where the end of running calls does not decide that. Slots that come free
   * before any caller may be back are promised as well: promises then follow each other faster until they are used up.
   */
  next(perPlaceMs: number, bounds: RetryBounds, at: PromiseAt): number {
    const { nowMs } = at
    const placeAtMs = Math.max(this.#placeAtMs + perPlaceMs, at.readyAtMs ?? nowMs + perPlaceMs)
    const soonestAtMs = this.#toldAtMs + CATCH_UP_RATIO * perPlaceMs
    const toldAtMs = Math.max(placeAtMs, soonestAtMs, nowMs + bounds.minMs)
    const latestAtMs = nowMs + bounds.maxMs
    this.#placeAtMs = Math.min(placeAtMs, latestAtMs)
    this.#toldAtMs = Math.min(toldAtMs, latestAtMs)
    if (toldAtMs <= latestAtMs) return withinBounds(toldAtMs - nowMs, bounds, at.spread)
    this.#late = this.#late === undefined ? at.spread : (this.#late + GOLDEN_RATIO) % 1
    return withinBounds(Infinity, bounds, this.#late)
  }

  /** The same for a wait with a known end, or Infinity. A random share of up to a quarter spreads the callers. */
  until(endsAtMs: number, bounds: RetryBounds, at: { nowMs: number; spread: number }): number {
    const endsInMs = Math.max(bounds.minMs, endsAtMs - at.nowMs)
    return withinBounds(endsInMs * (1 + at.spread / 4), bounds, at.spread)
  }
}

/** Clamps a wait to the bounds. Waits beyond maxMs are spread by `spread` over the upper half of the bounds. */
function withinBounds(waitMs: number, { minMs, maxMs }: RetryBounds, spread: number): number {
  const upperMs = maxMs - Math.max(minMs, maxMs / 2)
  const boundedMs = waitMs > maxMs ? maxMs - upperMs * spread : waitMs
  return Math.ceil(Math.max(minMs, boundedMs) - NEARLY_MS)
}
