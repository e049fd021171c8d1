/**
 * When a refused caller should come back. Places come free at limit / service time (Little's law), so the n-th caller
 * refused in a row is told the time at which the n-th place comes free: the advice spreads by itself. Measured in
 * test/scenario/retry-after-spread.test.ts. Units: milliseconds. Rounding to the header's whole seconds is reply/'s affair.
 */

import { RecentRate } from './recent-rate.ts'

/** Weight of one ended call in the mean service time: about the last 20 calls count. */
const SERVICE_WEIGHT = 0.1
/** The same in the steady mean, about 100 calls: 20 calls of a tool that varies are off by a fifth. */
const STEADY_WEIGHT = 0.02
/** Running calls are, at a random moment, as old as calls of a varying tool take. Older than this many times that: a hang. */
const OLD_RATIO = 2
/** Share of the time between two places at which promises follow each other while they catch up with the places. */
const CATCH_UP_RATIO = 0.9
/** Steps of this share of a stretch, taken round and round, fill it evenly, however many they are: the golden ratio. */
const GOLDEN_RATIO = 0.618_033_988_749_895
/** Milliseconds: sums of fractions miss a whole number by less than this. */
const NEARLY_MS = 1e-6
/** Milliseconds assumed for a lane that has not yet seen a call end. */
const UNKNOWN_SERVICE_MS = 1000
/** Milliseconds after the last end of a call for which the mean holds: what was measured an hour ago is a guess. */
const FRESH_MS = 60_000
/** Milliseconds over which ends of calls are counted. Found by simulation: over 10 s the lane notices a recovery too late. */
const RECENT_MS = 5000

export interface RetryBounds {
  readonly minMs: number
  readonly maxMs: number
}

/** Milliseconds over which the callers of a lane that was closed are spread. */
const REPLACED_WITHIN_MS = 5000

/** Milliseconds, for the callers of a closed lane: nobody knows when it is replaced, so they are only spread. */
export function untilReplacedMs({ minMs, maxMs }: RetryBounds, spread: number): number {
  return Math.round(minMs + spread * Math.min(REPLACED_WITHIN_MS, maxMs - minMs))
}

/** How many calls run now, and how old they are together. */
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
  /** Milliseconds: when the last place that was promised to somebody comes free. */
  #placeAtMs = -Infinity
  /** Milliseconds: when the caller who got that promise was told to come; later where minMs holds callers off. */
  #toldAtMs = -Infinity
  /** 0 <= n < 1: where in the upper half the last caller was put whose place comes free too late. */
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
   * Milliseconds between two freed places. Running calls that are already older than the mean count with their age, so
   * that a tool that hangs is seen before its first call ends.
   */
  perPlaceMs(running: RunningCalls): number {
    const meanAgeMs = running.active === 0 ? 0 : running.agesMs / running.active
    return Math.max(this.#serviceMs ?? UNKNOWN_SERVICE_MS, meanAgeMs) / Math.max(1, running.limit)
  }

  /**
   * The same for sending a newcomer away: from what was measured lately, and undefined when nothing was. To send away in
   * vain leaves slots without work, so the most hopeful counts: the shorter mean, or the pace at which calls did end in
   * the last 5 s. Running calls measure, too: a tool that hangs for longer than a mean stays fresh shows it by their age.
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
   * Milliseconds between two freed places, for promises: there too late costs goodput, because the lane runs dry, and too
   * early only a second refusal. So the shorter of both means counts, and a few old calls are no hang.
   */
  promisedPerPlaceMs(running: RunningCalls): number {
    const meanMs = Math.min(this.#serviceMs ?? UNKNOWN_SERVICE_MS, this.#steadyMs ?? UNKNOWN_SERVICE_MS)
    const meanAgeMs = running.active === 0 ? 0 : running.agesMs / running.active
    return (meanAgeMs > OLD_RATIO * meanMs ? meanAgeMs : meanMs) / Math.max(1, running.limit)
  }

  /**
   * Milliseconds within `bounds` after which the next refused caller should come back; `spread` is a random number, 0 <= spread < 1.
   * `readyAtMs`: when the first place comes, where something else than the running calls says so. Places that come free
   * before anybody may be back are given away, too: promises follow each other faster until they are used up.
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

  /** The same for a wait whose end is known, or Infinity: a random share spreads the callers over a quarter of it more. */
  until(endsAtMs: number, bounds: RetryBounds, at: { nowMs: number; spread: number }): number {
    const endsInMs = Math.max(bounds.minMs, endsAtMs - at.nowMs)
    return withinBounds(endsInMs * (1 + at.spread / 4), bounds, at.spread)
  }
}

/** A longer wait than may be advised: `spread` puts the callers over the upper half, instead of all at maxMs. */
function withinBounds(waitMs: number, { minMs, maxMs }: RetryBounds, spread: number): number {
  const upperMs = maxMs - Math.max(minMs, maxMs / 2)
  const boundedMs = waitMs > maxMs ? maxMs - upperMs * spread : waitMs
  return Math.ceil(Math.max(minMs, boundedMs) - NEARLY_MS)
}
