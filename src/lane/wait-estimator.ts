/**
 * Estimates how long a newcomer would wait, whether it could start before its TTL ends, and when a refused caller should
 * come back. Reads the lane's parts and changes none of them. Units: milliseconds.
 */
import type { ReadParts } from './parts.ts'
import type { Priority } from './priority.ts'
import type { LaneReason } from './reason.ts'
import { RetryAdvice, untilReplacedMs } from './retry-after.ts'
import type { RetryBounds } from './retry-after.ts'

/**
 * Share of the TTL that the estimated wait may take. The pace varies, and a call that starts at the last moment has no time
 * left to run. Found by simulation.
 */
const REACHABLE_RATIO = 0.9

/** The parts that the estimate depends on. */
export type WaitEstimatorParts = Pick<ReadParts, 'queue' | 'running' | 'limitControl' | 'throttle' | 'bucket'>

/** What the time to come back depends on beside the lane's parts. */
export interface RefusedAt {
  readonly bounds: RetryBounds
  /** Calls that should have started together. */
  readonly calls: number
  readonly spread: number
  readonly nowMs: number
}

export class WaitEstimator {
  readonly #parts: WaitEstimatorParts
  readonly #advice = new RetryAdvice()

  constructor(parts: WaitEstimatorParts) {
    this.#parts = parts
  }

  /** A lease ended after `heldMs`. */
  ended(heldMs: number, nowMs: number): void {
    this.#advice.ended(heldMs, nowMs)
  }

  /** How long a newcomer would wait. */
  waitMs(nowMs: number): number {
    const { queue, running, limitControl } = this.#parts
    const isFree = running.active < limitControl.slots && queue.depth === 0
    return this.#untilOpenMs(nowMs) + (isFree ? 0 : (queue.depth + 1) * this.#perPlaceMs(nowMs))
  }

  /**
   * Why a newcomer that may wait `ttlMs` could not start in time; undefined when it might. Counts only the tickets that go
   * before it. Without running calls or recent measurements there is no estimate, and the newcomer may wait.
   */
  whyInVain(priority: Priority, ttlMs: number, nowMs: number): LaneReason | undefined {
    const { queue, running, limitControl, throttle } = this.#parts
    if (throttle.closedUntilMs - nowMs >= ttlMs) return 'UPSTREAM_THROTTLED'
    const perPlaceMs = this.#advice.measuredPerPlaceMs(this.#load(nowMs), nowMs)
    if (perPlaceMs === undefined || running.active === 0 || running.active < limitControl.slots)
      return undefined
    const waitMs = (queue.depthFrom(priority) + 1) * Math.max(perPlaceMs, throttle.paceMs(nowMs))
    return waitMs > REACHABLE_RATIO * ttlMs ? 'DEADLINE_UNREACHABLE' : undefined
  }

  /** How long the tool itself asked callers to wait; 0 when it does not throttle. */
  toolWaitMs(nowMs: number): number {
    const { throttle } = this.#parts
    return throttle.isThrottling(nowMs) ? Math.max(0, throttle.askedUntilMs - nowMs) : 0
  }

  /** After how long the caller should come back. */
  retryAfterMs(reason: LaneReason, at: RefusedAt): number {
    const { bounds, calls, spread, nowMs } = at
    const { queue, bucket, limitControl } = this.#parts
    const { pausedUntilMs } = limitControl.override
    if (reason === 'DRAINING' || reason === 'NO_ROUTE') return untilReplacedMs(bounds, spread)
    if (reason === 'LANE_PAUSED') return this.#advice.until(pausedUntilMs, bounds, { nowMs, spread })
    if (reason === 'RATE_LIMITED') {
      const readyAtMs = bucket.readyAtMs(queue.depth + calls, nowMs)
      return this.#advice.next(bucket.perTokenMs, bounds, { nowMs, spread, readyAtMs })
    }
    const readyAtMs = reason === 'UPSTREAM_THROTTLED' ? nowMs + this.toolWaitMs(nowMs) : undefined
    const promisedMs = this.#advice.promisedPerPlaceMs(this.#load(nowMs))
    const perPlaceMs = Math.max(promisedMs, this.#parts.throttle.paceMs(nowMs))
    return this.#advice.next(perPlaceMs, bounds, { nowMs, spread, readyAtMs })
  }

  #untilOpenMs(nowMs: number): number {
    return Math.max(0, this.#parts.throttle.closedUntilMs - nowMs)
  }

  #perPlaceMs(nowMs: number): number {
    return Math.max(this.#advice.perPlaceMs(this.#load(nowMs)), this.#parts.throttle.paceMs(nowMs))
  }

  #load(nowMs: number) {
    const { running, limitControl } = this.#parts
    return { active: running.active, limit: limitControl.slots, agesMs: running.agesMs(nowMs) }
  }
}
