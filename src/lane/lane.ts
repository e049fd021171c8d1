/**
 * One tool's lane: who runs, who waits, who is sent away. Pure: time and luck come in as numbers, decisions come out
 * as data, and a freed slot is handed to the next ticket within the call that freed it, never contested again.
 * Must not know of promises, sockets or timers: gate/ drives it.
 */
import type { Depths, LaneListener } from './event.ts'
import type { EndedLease, Lease, LeaseEnd } from './lease.ts'
import { createLimiter } from './limit/create.ts'
import type { Decision, Limiter } from './limit/limiter.ts'
import { Queue, Ticket } from './queue.ts'
import type { LaneReason } from './reason.ts'
import { RetryAdvice } from './retry-after.ts'
import { Running } from './running.ts'
import { RecentCalls } from './sample.ts'
import type { ControllerSettings, LaneSettings } from './settings.ts'
import { Valve } from './valve.ts'
import type { ValveOrder } from './valve.ts'

export interface Refusal {
  readonly reason: LaneReason
  readonly retryAfterMs: number
  readonly depths: Depths
}

export type Admission =
  | { readonly kind: 'granted'; readonly lease: Lease }
  | { readonly kind: 'queued'; readonly ticket: Ticket }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

/** Everything that one call to the lane set in motion, for the gate to pass on. */
export interface Moves {
  /** Leases that went silent: whoever runs them must stop before anything granted here begins. */
  readonly reclaimed: readonly Lease[]
  readonly refused: readonly { readonly ticket: Ticket; readonly refusal: Refusal }[]
  /** Tickets that hold a lease from now on. */
  readonly granted: readonly Ticket[]
}

const NO_MOVES: Moves = Object.freeze({ reclaimed: [], refused: [], granted: [] })

export class Lane {
  #settings: LaneSettings
  #limiter: Limiter
  #limit: number
  /** The limit before an operator pinned it: where it goes back to. */
  #limitBeforePin: number | undefined
  #lastDecision: { readonly decision: Decision; readonly atMs: number } | undefined
  readonly #queue = new Queue()
  readonly #running = new Running()
  readonly #valve = new Valve()
  readonly #advice = new RetryAdvice()
  readonly #recent: RecentCalls
  readonly #tell: LaneListener
  readonly #limiterOf: (settings: ControllerSettings) => Limiter
  /** Luck of the latest newcomer, for what needs luck and is not about a newcomer. */
  #luck = 0

  /** `limiterOf` lets the benchmark run laws that src does not know. */
  constructor(settings: LaneSettings, nowMs: number, tell: LaneListener, limiterOf = createLimiter) {
    this.#settings = settings
    this.#limiterOf = limiterOf
    this.#limiter = limiterOf(settings.controller)
    this.#limit = settings.startConcurrent
    this.#recent = new RecentCalls(nowMs)
    this.#tell = tell
  }

  get settings(): LaneSettings {
    return this.#settings
  }

  /** Decides at once: a lease, a place in the queue, or a refusal. `spread` is luck, 0 <= spread < 1. */
  admit(want: { readonly spread: number }, nowMs: number): Admission {
    if (this.#valve.isPaused)
      return { kind: 'refused', refusal: this.#refuse('LANE_PAUSED', want.spread, nowMs) }
    this.#luck = want.spread
    // A tool that pushed back can leave slots free and tickets waiting: nobody overtakes them.
    if (this.#hasRoom(nowMs) && this.#queue.depth === 0) {
      this.#tell({ kind: 'admitted', queued: false })
      return { kind: 'granted', lease: this.#grant(nowMs, nowMs) }
    }
    if (this.#queue.depth >= this.#settings.maxQueueDepth) {
      return { kind: 'refused', refusal: this.#refuse('QUEUE_SATURATED', want.spread, nowMs) }
    }
    const ticket = new Ticket(nowMs, nowMs + this.#settings.ttlMs, want.spread)
    this.#queue.push(ticket)
    this.#tell({ kind: 'admitted', queued: true })
    return { kind: 'queued', ticket }
  }

  /** Ends a lease. A second end changes nothing, but is told. */
  settle(lease: Lease, end: LeaseEnd, nowMs: number): Moves {
    if (!this.#running.end(lease)) {
      this.#tell({ kind: 'ended_twice' })
      return NO_MOVES
    }
    this.#learn(lease, end, nowMs)
    this.#steer(nowMs)
    return this.#dispatch(nowMs)
  }

  /** The caller of a waiting ticket left; false when it no longer waits. */
  cancel(ticket: Ticket, nowMs: number): boolean {
    if (!this.#queue.remove(ticket)) return false
    ticket.state = 'cancelled'
    this.#tell({ kind: 'left', waitedMs: nowMs - ticket.queuedAtMs })
    return true
  }

  /** Does what has come due: reclaims silent leases, refuses stale tickets, ends orders, closes windows. */
  expire(nowMs: number): Moves {
    const reclaimed = this.#reclaim(nowMs)
    if (this.#valve.expire(nowMs)) this.#followValve(nowMs)
    this.#steer(nowMs)
    const moves = this.#dispatch(nowMs)
    return reclaimed.length === 0 ? moves : { ...moves, reclaimed }
  }

  /** Milliseconds: when `expire` has to be called next; Infinity when nothing can come due. */
  wakeAtMs(): number {
    return Math.min(
      this.#queue.nextDueAtMs(),
      this.#running.nextDueAtMs(),
      this.#valve.nextDueAtMs(),
      this.#valve.pinnedLimit === undefined ? this.#limiter.wakeAtMs(this.#limit) : Infinity,
      this.#reopensAtMs(),
    )
  }

  /** The operator's hand. A limit outside the lane's bounds is clamped; who asks should have checked. */
  operate(order: ValveOrder, nowMs: number): Moves {
    this.#valve.obey(order, nowMs)
    this.#followValve(nowMs)
    return this.#dispatch(nowMs)
  }

  /** A new configuration for the same tool: queue and leases stay. */
  reconfigure(settings: LaneSettings, nowMs: number): Moves {
    const before = this.#settings
    this.#settings = settings
    if (JSON.stringify(before.controller) !== JSON.stringify(settings.controller)) {
      this.#limiter = this.#limiterOf(settings.controller)
    }
    const unpinned = followCeiling(this.#limitBeforePin ?? this.#limit, before, settings)
    if (this.#limitBeforePin !== undefined) this.#limitBeforePin = unpinned
    this.#move(this.#valve.pinnedLimit ?? unpinned, 'configuration', nowMs)
    return this.#dispatch(nowMs)
  }

  isIdle(): boolean {
    return this.#running.active === 0 && this.#queue.depth === 0
  }

  depths(): Depths {
    return { queueDepth: this.#queue.depth, active: this.#running.active, limit: this.#limit }
  }

  /** Everything that an operator may see of the lane now; milliseconds and shares 0..1. */
  snapshot(nowMs: number) {
    const oldest = this.#queue.peek()
    const { queueDepth, active, limit } = this.depths()
    return {
      queueDepth,
      oldestWaitMs: oldest === undefined ? 0 : nowMs - oldest.queuedAtMs,
      active,
      limit,
      p95Ms: this.#recent.p95Ms(nowMs),
      errorRate: this.#recent.errorRate(nowMs),
      paused: this.#valve.isPaused,
      pausedUntilMs: this.#valve.pausedUntilMs,
      pinned: this.#valve.pinnedLimit !== undefined,
      pinnedUntilMs: this.#valve.pinnedUntilMs,
      algorithm: this.#limiter.algorithm,
      lastDecision: this.#lastDecision,
      /** What a caller who comes now would wait. */
      estimateMs: active < limit && queueDepth === 0 ? 0 : (queueDepth + 1) * this.#perPlaceMs(nowMs),
    }
  }

  /** A slot is free, and the tool may be called now. */
  #hasRoom(nowMs: number): boolean {
    return this.#running.active < this.#limit && this.#limiter.opensAtMs() <= nowMs
  }

  /** Milliseconds: when a waiting ticket could start though no call ends; Infinity when only the end of one can help. */
  #reopensAtMs(): number {
    const isHeldUp = this.#queue.depth > 0 && !this.#valve.isPaused && this.#running.active < this.#limit
    return isHeldUp ? this.#limiter.opensAtMs() : Infinity
  }

  #grant(queuedAtMs: number, nowMs: number): Lease {
    const lease = this.#running.begin(queuedAtMs, this.#settings.leaseMs, nowMs)
    this.#limiter.sent(lease, this.#running.active)
    this.#tell({ kind: 'started', waitedMs: lease.waitedMs })
    return lease
  }

  /** What the end of a lease, already taken out, says to controller and estimates. */
  #learn(lease: Lease, end: EndedLease, nowMs: number): void {
    const { cause, verdict, latencyMs } = end
    const heldMs = nowMs - lease.grantedAtMs
    lease.state = cause
    if (cause !== 'cancelled') this.#advice.ended(heldMs)
    if (verdict !== 'ignored') this.#recent.record(verdict === 'dropped', latencyMs, nowMs)
    this.#limiter.ended(lease, { ...end, spread: this.#luck }, nowMs)
    this.#tell({ kind: 'ended', cause, verdict, heldMs })
  }

  #reclaim(nowMs: number): Lease[] {
    const reclaimed: Lease[] = []
    const { leaseMs } = this.#settings
    for (
      let lease = this.#running.endSilent(leaseMs, nowMs);
      lease;
      lease = this.#running.endSilent(leaseMs, nowMs)
    ) {
      const verdict = lease.waitsFor === 'caller' ? 'ignored' : 'dropped'
      this.#learn(lease, { cause: 'reclaimed', verdict }, nowMs)
      reclaimed.push(lease)
    }
    return reclaimed
  }

  /** Hands free slots to the tickets that have waited longest; stale ones are told so and never run. */
  #dispatch(nowMs: number): Moves {
    if (this.#queue.depth === 0) return NO_MOVES
    const refused: { ticket: Ticket; refusal: Refusal }[] = []
    for (let stale = this.#queue.shiftDue(nowMs); stale; stale = this.#queue.shiftDue(nowMs)) {
      stale.state = 'refused'
      refused.push({ ticket: stale, refusal: this.#refuse('QUEUE_TTL_EXPIRED', stale.spread, nowMs) })
    }
    const granted: Ticket[] = []
    while (!this.#valve.isPaused && this.#hasRoom(nowMs)) {
      const ticket = this.#queue.shift()
      if (ticket === undefined) break
      ticket.state = 'granted'
      ticket.lease = this.#grant(ticket.queuedAtMs, nowMs)
      granted.push(ticket)
    }
    return granted.length === 0 && refused.length === 0 ? NO_MOVES : { reclaimed: [], refused, granted }
  }

  #refuse(reason: LaneReason, spread: number, nowMs: number): Refusal {
    const bounds = this.#settings.retryAfter
    const retryAfterMs =
      reason === 'LANE_PAUSED'
        ? this.#advice.until(this.#valve.pausedUntilMs, bounds, { nowMs, spread })
        : this.#advice.next(this.#perPlaceMs(nowMs), bounds, { nowMs, spread })
    return { reason, retryAfterMs, depths: this.depths() }
  }

  #perPlaceMs(nowMs: number): number {
    const { active } = this.#running
    return this.#advice.perPlaceMs({ active, limit: this.#limit, agesMs: this.#running.agesMs(nowMs) })
  }

  #steer(nowMs: number): void {
    if (this.#valve.pinnedLimit !== undefined) return
    const { minConcurrent: min, maxConcurrent: max } = this.#settings
    const decision = this.#limiter.step(this.#limit, { min, max }, nowMs)
    if (decision !== undefined) this.#apply(decision, nowMs)
  }

  #apply(decision: Decision, nowMs: number): void {
    const from = this.#limit
    this.#limit = decision.limit
    this.#lastDecision = { decision, atMs: nowMs }
    const { algorithm } = this.#limiter
    this.#tell({ kind: 'decided', algorithm, decision, from, depths: this.depths() })
  }

  #followValve(nowMs: number): void {
    const { pinnedLimit, isPaused } = this.#valve
    this.#tell({ kind: 'operated', paused: isPaused, pinned: pinnedLimit !== undefined })
    if (pinnedLimit !== undefined) this.#limitBeforePin ??= this.#limit
    this.#move(pinnedLimit ?? this.#limitBeforePin ?? this.#limit, 'operator', nowMs)
    if (pinnedLimit === undefined) this.#limitBeforePin = undefined
  }

  /** Moves the limit for another reason than the controller's. */
  #move(wanted: number, reason: 'operator' | 'configuration', nowMs: number): void {
    const limit = Math.min(this.#settings.maxConcurrent, Math.max(this.#settings.minConcurrent, wanted))
    if (limit === this.#limit) return
    this.#limiter.moved(nowMs)
    const figures = { calls: 0, errorRate: this.#recent.errorRate(nowMs), p95Ms: this.#recent.p95Ms(nowMs) }
    const action = limit > this.#limit ? 'increase_concurrency' : 'decrease_concurrency'
    this.#apply({ limit, action, reason, figures }, nowMs)
  }
}

/**
 * What a law has learned stays, but a limit that stood at its ceiling goes up with it; under `fixed` nothing else than
 * the configuration moves the limit.
 */
function followCeiling(limit: number, before: LaneSettings, next: LaneSettings): number {
  if (next.controller.algorithm === 'fixed') return next.startConcurrent
  return limit === before.maxConcurrent ? Math.max(limit, next.maxConcurrent) : limit
}
