/**
 * Who is let into a lane: runs at once, may wait, or is sent away and why. Keeps what that depends on beside queue and
 * slots: the call rate, whether low-priority calls are shed, the budget for retries. Moves no ticket itself.
 */
import type { Outlook } from './outlook.ts'
import { Overload } from './overload.ts'
import type { Priority } from './priority.ts'
import type { Queue } from './queue.ts'
import type { LaneReason } from './reason.ts'
import { RetryBudget } from './retry-budget.ts'
import type { Running } from './running.ts'
import type { LaneSettings } from './settings.ts'
import type { Steering } from './steering.ts'
import type { Throttle } from './throttle.ts'
import type { Ticket } from './ticket.ts'
import { TokenBucket } from './token-bucket.ts'

export interface DoorParts {
  readonly queue: Queue
  readonly running: Running
  readonly steering: Steering
  readonly throttle: Throttle
  readonly outlook: Outlook
}

/** A call that could not run at once. */
export interface Newcomer {
  readonly priority: Priority
  readonly agent: string
  /** Milliseconds that it may wait. */
  readonly ttlMs: number
}

export type RetryAnswer = 'granted' | 'overloaded' | 'no_budget'

/** Milliseconds: slots are kept for a tool that may be called again so soon. */
const OPENS_SOON_MS = 1000

export class Door {
  readonly #parts: DoorParts
  readonly #overload = new Overload()
  readonly #retries = new RetryBudget()
  #bucket: TokenBucket
  #settings: LaneSettings

  constructor(settings: LaneSettings, parts: DoorParts, nowMs: number) {
    this.#parts = parts
    this.#settings = settings
    this.#bucket = new TokenBucket(settings.rate, nowMs)
  }

  get bucket(): TokenBucket {
    return this.#bucket
  }

  get shedsLowPriority(): boolean {
    return this.#overload.isOn
  }

  reconfigure(settings: LaneSettings, nowMs: number): void {
    const { rate } = this.#settings
    this.#settings = settings
    // A rate that did not change keeps its debts.
    if (JSON.stringify(rate) !== JSON.stringify(settings.rate))
      this.#bucket = new TokenBucket(settings.rate, nowMs)
  }

  /** Slots are free and the tool may be called. */
  hasRoom(nowMs: number): boolean {
    return this.hasSlot() && this.#parts.throttle.opensAtMs() <= nowMs
  }

  /** A slot is free, and nobody paused the lane. */
  hasSlot(): boolean {
    const { running, steering } = this.#parts
    return running.active < steering.slots && !steering.valve.isPaused
  }

  /**
   * What the lane would do with more of the fleet's slots: `wants` would run, those that run among them; `keeps` would
   * if its law let them, too. A paused lane and one whose tool throttles want nothing.
   */
  demand(nowMs: number): { readonly active: number; readonly wants: number; readonly keeps: number } {
    const { queue, running, steering, throttle } = this.#parts
    const { active } = running
    const isHeldUp = steering.valve.isPaused || throttle.opensAtMs() > nowMs + OPENS_SOON_MS
    if (isHeldUp) return { active, wants: active, keeps: active }
    const keeps = active + queue.depth
    return { active, wants: Math.max(active, Math.min(steering.limit, keeps)), keeps }
  }

  /** Milliseconds: when a waiting ticket could start though no call ends; Infinity when only the end of one can help. */
  reopensAtMs(): number {
    const isHeldUp = this.#parts.queue.depth > 0 && this.hasSlot()
    return isHeldUp ? this.#parts.throttle.opensAtMs() : Infinity
  }

  /** Whether a newcomer runs now: nobody overtakes who waits, though a tool that pushed back can leave slots free. */
  takesAtOnce(nowMs: number): boolean {
    return this.#parts.queue.depth === 0 && this.hasRoom(nowMs) && this.#bucket.has(1, nowMs)
  }

  /** Why a call that cannot run now may not wait either; undefined when it may. */
  whyNot({ priority, agent, ttlMs }: Newcomer, nowMs: number): LaneReason | undefined {
    const { queue, steering, throttle, outlook } = this.#parts
    if (steering.valve.isPaused) return 'LANE_PAUSED'
    if (steering.isShut) return 'STORE_UNAVAILABLE'
    if (priority === 'low' && this.#overload.isOn) return 'SHED_LOW_PRIORITY'
    const isFull = this.#isFull(nowMs)
    // Who may not wait at all takes nobody's place for nothing.
    if (ttlMs <= 0 && !isFull) return outlook.whyInVain(priority, ttlMs, nowMs) ?? 'QUEUE_TTL_EXPIRED'
    if (!isFull || (ttlMs > 0 && queue.leastWanted(priority, agent) !== undefined)) {
      return outlook.whyInVain(priority, ttlMs, nowMs)
    }
    if (!this.#bucket.has(queue.depth + 1, nowMs)) return 'RATE_LIMITED'
    return queue.depth === 0 && throttle.isShut(nowMs) ? 'UPSTREAM_THROTTLED' : 'QUEUE_SATURATED'
  }

  /** Who has to leave the full queue for a call that may wait; undefined while there is room. */
  leastWanted({ priority, agent }: Newcomer, nowMs: number): Ticket | undefined {
    return this.#isFull(nowMs) ? this.#parts.queue.leastWanted(priority, agent) : undefined
  }

  /** A call was let in. */
  letIn(nowMs: number): void {
    this.#retries.called(nowMs)
  }

  /** Takes one retry out of the budget, or says why not. Never while the lane has more to do than it can. */
  askRetry(nowMs: number): RetryAnswer {
    const { throttle, steering } = this.#parts
    if (this.#overload.isOn || throttle.isShut(nowMs) || steering.valve.isPaused) return 'overloaded'
    return this.#retries.take(this.#settings.retryBudgetRatio, nowMs) ? 'granted' : 'no_budget'
  }

  /** Begins or ends the shedding of low calls; true when that changed. */
  watch(nowMs: number): boolean {
    const { queue, outlook } = this.#parts
    const { maxQueueDepth: maxDepth, ttlMs } = this.#settings
    return this.#overload.look(
      { depth: queue.depth, maxDepth, estimateMs: outlook.waitMs(nowMs), ttlMs },
      nowMs,
    )
  }

  /** Each ticket has its token waiting; and a call that only waits for a slot to come from the fleet takes no place. */
  #isFull(nowMs: number): boolean {
    const { running, steering } = this.#parts
    const { depth } = this.#parts.queue
    const { limit, ceiling } = steering
    const underway = ceiling < limit ? Math.max(0, limit - running.active) : 0
    return depth >= this.#settings.maxQueueDepth + underway || !this.#bucket.has(depth + 1, nowMs)
  }
}
