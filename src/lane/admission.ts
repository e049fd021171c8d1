/**
 * Decides about a newcomer: it starts, waits, waits in the place of a less important ticket, or is refused with a reason.
 * Pure: reads the lane's parts and changes none of them.
 */
import type { WaitEstimator } from './wait-estimator.ts'
import type { ReadParts } from './parts.ts'
import type { Priority } from './priority.ts'
import type { LaneReason } from './reason.ts'
import type { Ticket } from './ticket.ts'

export interface Newcomer {
  readonly priority: Priority
  readonly agent: string
  /** Milliseconds that the newcomer may wait. */
  readonly ttlMs: number
}

export type Judgement =
  /** `putOut`: the ticket that is evicted from the full queue for the newcomer. */
  | { readonly kind: 'wait'; readonly putOut: Ticket | undefined }
  | { readonly kind: 'refuse'; readonly reason: LaneReason }

const WAIT: Judgement = { kind: 'wait', putOut: undefined }

export class Admission {
  readonly #parts: ReadParts
  readonly #estimator: WaitEstimator

  constructor(parts: ReadParts, estimator: WaitEstimator) {
    this.#parts = parts
    this.#estimator = estimator
  }

  /** Decides about a newcomer that cannot start now. */
  judge(newcomer: Newcomer, nowMs: number): Judgement {
    const reason = this.#whyNotAtAll(newcomer.priority)
    if (reason !== undefined) return { kind: 'refuse', reason }
    return this.#isFull(nowMs) ? this.#judgeAtFull(newcomer, nowMs) : this.#judgeWaiting(newcomer, nowMs)
  }

  /** Whether so many newcomers start now. Waiting tickets go first, even if slots are free because the tool throttles. */
  canStart(calls: number, nowMs: number): boolean {
    const { queue, throttle, bucket } = this.#parts
    return (
      queue.depth === 0 && this.hasSlots(calls) && throttle.takes(calls, nowMs) && bucket.has(calls, nowMs)
    )
  }

  /** Why so many calls cannot start together now; undefined when they can. A call that could only wait is refused. */
  whyNotTogether(calls: number, newcomer: Newcomer, nowMs: number): LaneReason | undefined {
    if (this.canStart(calls, nowMs)) return undefined
    const judged = this.judge(newcomer, nowMs)
    if (judged.kind === 'refuse') return judged.reason
    const { queue, bucket } = this.#parts
    return bucket.has(queue.depth + calls, nowMs) ? 'QUEUE_SATURATED' : 'RATE_LIMITED'
  }

  /** Whether a slot is free and the tool may be called, so that the next ticket starts. */
  canStartNext(nowMs: number): boolean {
    return this.hasSlots(1) && this.#parts.throttle.takes(1, nowMs)
  }

  /** Whether so many slots are free in a lane that is neither paused nor closed. */
  hasSlots(calls: number): boolean {
    const { running, limitControl, closedFor } = this.#parts
    return (
      running.active + calls <= limitControl.slots &&
      !limitControl.override.isPaused &&
      closedFor === undefined
    )
  }

  /** The reasons for a refusal that do not depend on the queue. */
  #whyNotAtAll(priority: Priority): LaneReason | undefined {
    const { limitControl, overload, closedFor } = this.#parts
    if (closedFor !== undefined) return closedFor
    if (limitControl.override.isPaused) return 'LANE_PAUSED'
    if (limitControl.isShut) return 'STORE_UNAVAILABLE'
    return priority === 'low' && overload.isOn ? 'SHED_LOW_PRIORITY' : undefined
  }

  #judgeWaiting({ priority, ttlMs }: Newcomer, nowMs: number): Judgement {
    const reason = this.#estimator.whyInVain(priority, ttlMs, nowMs)
    if (reason !== undefined) return { kind: 'refuse', reason }
    return ttlMs <= 0 ? { kind: 'refuse', reason: 'QUEUE_TTL_EXPIRED' } : WAIT
  }

  #judgeAtFull({ priority, agent, ttlMs }: Newcomer, nowMs: number): Judgement {
    const { queue, throttle, bucket } = this.#parts
    // A call with no TTL left must not evict a waiting ticket.
    const putOut = ttlMs > 0 ? queue.leastWanted(priority, agent) : undefined
    if (putOut !== undefined) {
      const reason = this.#estimator.whyInVain(priority, ttlMs, nowMs)
      return reason === undefined ? { kind: 'wait', putOut } : { kind: 'refuse', reason }
    }
    if (!bucket.has(queue.depth + 1, nowMs)) return { kind: 'refuse', reason: 'RATE_LIMITED' }
    const isThrottled = queue.depth === 0 && throttle.isThrottling(nowMs)
    return { kind: 'refuse', reason: isThrottled ? 'UPSTREAM_THROTTLED' : 'QUEUE_SATURATED' }
  }

  /**
   * Whether the queue has no place left. Each waiting ticket needs a token of the call rate. Calls that the limit would let
   * run, and that only wait for slots of the fleet, do not count against maxQueueDepth.
   */
  #isFull(nowMs: number): boolean {
    const { queue, running, limitControl, settings, bucket } = this.#parts
    const { limit, ceiling } = limitControl
    const underway = ceiling < limit ? Math.max(0, limit - running.active) : 0
    return queue.depth >= settings.maxQueueDepth + underway || !bucket.has(queue.depth + 1, nowMs)
  }
}
