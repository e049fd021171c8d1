/**
 * One tool's lane: who runs, who waits, who is sent away. Pure: time and luck come in as numbers, decisions come out
 * as data, and a freed slot is handed to the next ticket within the call that freed it, never contested again.
 * Must not know of promises, sockets or timers: gate/ drives it.
 */
import type { Depths, LaneListener } from './event.ts'
import type { EndedLease, Lease, LeaseEnd } from './lease.ts'
import { NO_MOVES } from './moves.ts'
import type { Admission, Moves, Refusal, Refused, Want } from './moves.ts'
import { Overload } from './overload.ts'
import type { Priority } from './priority.ts'
import { Queue } from './queue.ts'
import type { LaneReason } from './reason.ts'
import { RetryAdvice } from './retry-after.ts'
import { Running } from './running.ts'
import { RecentCalls } from './sample.ts'
import type { LaneSettings } from './settings.ts'
import { Steering } from './steering.ts'
import type { LimiterOf } from './steering.ts'
import { Ticket } from './ticket.ts'
import type { ValveOrder } from './valve.ts'

export class Lane {
  #settings: LaneSettings
  readonly #queue = new Queue()
  readonly #running = new Running()
  readonly #steering: Steering
  readonly #advice = new RetryAdvice()
  readonly #overload = new Overload()
  readonly #recent: RecentCalls
  readonly #tell: LaneListener
  /** Luck of the latest newcomer, for what needs luck and is not about a newcomer. */
  #luck = 0

  /** `limiterOf` lets the benchmark run laws that src does not know. */
  constructor(settings: LaneSettings, nowMs: number, tell: LaneListener, limiterOf?: LimiterOf) {
    this.#settings = settings
    this.#recent = new RecentCalls(nowMs)
    this.#tell = tell
    this.#steering = new Steering(settings, {
      limiterOf,
      figures: (atMs) => ({
        calls: 0,
        errorRate: this.#recent.errorRate(atMs),
        p95Ms: this.#recent.p95Ms(atMs),
      }),
      decided: (decision, from) => {
        const { algorithm } = this.#steering.limiter
        this.#tell({ kind: 'decided', algorithm, decision, from, depths: this.depths() })
      },
    })
  }

  get settings(): LaneSettings {
    return this.#settings
  }

  /** Decides at once: a lease, a place in the queue, or a refusal. */
  admit(want: Want, nowMs: number): Admission {
    const { spread, priority = 'normal', agent = '' } = want
    if (this.#steering.valve.isPaused)
      return { kind: 'refused', refusal: this.#refuse('LANE_PAUSED', spread, nowMs) }
    this.#luck = spread
    // A tool that pushed back can leave slots free and tickets waiting: nobody overtakes them.
    if (this.hasRoom(nowMs) && this.#queue.depth === 0) {
      this.#tell({ kind: 'admitted', queued: false })
      return { kind: 'granted', lease: this.#grant(nowMs, priority, nowMs) }
    }
    this.#watch(nowMs)
    const reason = this.#whyNotQueued(priority, agent)
    if (reason !== undefined) return { kind: 'refused', refusal: this.#refuse(reason, spread, nowMs) }
    const putOut = this.#makeRoom(priority, agent, nowMs)
    const ticket = new Ticket({
      queuedAtMs: nowMs,
      dueAtMs: nowMs + this.#settings.ttlMs,
      spread,
      priority,
      agent,
    })
    this.#queue.push(ticket)
    this.#tell({ kind: 'admitted', queued: true })
    this.#watch(nowMs)
    return { kind: 'queued', ticket, putOut }
  }

  /** Ends a lease. A second end changes nothing, but is told. */
  settle(lease: Lease, end: LeaseEnd, nowMs: number): Moves {
    if (!this.#running.end(lease)) {
      this.#tell({ kind: 'ended_twice' })
      return NO_MOVES
    }
    this.#learn(lease, end, nowMs)
    this.#steering.step(nowMs)
    return this.#dispatch(nowMs)
  }

  /** The caller of a waiting ticket left; false when it no longer waits. */
  cancel(ticket: Ticket, nowMs: number): boolean {
    if (!this.#queue.remove(ticket)) return false
    ticket.state = 'cancelled'
    this.#tell({ kind: 'left', waitedMs: nowMs - ticket.queuedAtMs })
    this.#watch(nowMs)
    return true
  }

  /** Does what has come due: reclaims silent leases, refuses stale tickets, ends orders, closes windows. */
  expire(nowMs: number): Moves {
    const reclaimed = this.#reclaim(nowMs)
    if (this.#steering.valve.expire(nowMs)) this.#followValve(nowMs)
    this.#steering.step(nowMs)
    const moves = this.#dispatch(nowMs)
    return reclaimed.length === 0 ? moves : { ...moves, reclaimed }
  }

  /** Milliseconds: when `expire` has to be called next; Infinity when nothing can come due. */
  wakeAtMs(): number {
    return Math.min(
      this.#queue.nextDueAtMs(),
      this.#running.nextDueAtMs(),
      this.#steering.nextDueAtMs(),
      this.#reopensAtMs(),
    )
  }

  /** The operator's hand. A limit outside the lane's bounds is clamped; who asks should have checked. */
  operate(order: ValveOrder, nowMs: number): Moves {
    this.#steering.valve.obey(order, nowMs)
    this.#followValve(nowMs)
    return this.#dispatch(nowMs)
  }

  /** A new configuration for the same tool: queue and leases stay. */
  reconfigure(settings: LaneSettings, nowMs: number): Moves {
    this.#settings = settings
    this.#steering.reconfigure(settings, nowMs)
    return this.#dispatch(nowMs)
  }

  isIdle(): boolean {
    return this.#running.active === 0 && this.#queue.depth === 0
  }

  depths(): Depths {
    return { queueDepth: this.#queue.depth, active: this.#running.active, limit: this.#steering.limit }
  }

  /** Everything that an operator may see of the lane now; milliseconds and shares 0..1. */
  snapshot(nowMs: number) {
    const oldest = this.#queue.oldest()
    const { queueDepth, active, limit } = this.depths()
    return {
      queueDepth,
      oldestWaitMs: oldest === undefined ? 0 : nowMs - oldest.queuedAtMs,
      active,
      limit,
      p95Ms: this.#recent.p95Ms(nowMs),
      errorRate: this.#recent.errorRate(nowMs),
      paused: this.#steering.valve.isPaused,
      pausedUntilMs: this.#steering.valve.pausedUntilMs,
      pinned: this.#steering.valve.pinnedLimit !== undefined,
      pinnedUntilMs: this.#steering.valve.pinnedUntilMs,
      algorithm: this.#steering.limiter.algorithm,
      lastDecision: this.#steering.lastDecision,
      shedsLowPriority: this.#overload.isOn,
      estimateMs: this.#estimateMs(nowMs),
    }
  }

  /** A slot is free, and the tool may be called now. */
  hasRoom(nowMs: number): boolean {
    return this.#running.active < this.#steering.limit && this.#steering.limiter.opensAtMs() <= nowMs
  }

  /** Milliseconds: when a waiting ticket could start though no call ends; Infinity when only the end of one can help. */
  #reopensAtMs(): number {
    const isHeldUp =
      this.#queue.depth > 0 && !this.#steering.valve.isPaused && this.#running.active < this.#steering.limit
    return isHeldUp ? this.#steering.limiter.opensAtMs() : Infinity
  }

  /** Why a call that cannot run now may not wait either; undefined when it may. */
  #whyNotQueued(priority: Priority, agent: string): LaneReason | undefined {
    if (priority === 'low' && this.#overload.isOn) return 'SHED_LOW_PRIORITY'
    return this.#isFull() && this.#queue.leastWanted(priority, agent) === undefined
      ? 'QUEUE_SATURATED'
      : undefined
  }

  #isFull(): boolean {
    return this.#queue.depth >= this.#settings.maxQueueDepth
  }

  /** In a full queue, puts out the ticket that matters least. */
  #makeRoom(priority: Priority, agent: string, nowMs: number): Refused | undefined {
    const ticket = this.#isFull() ? this.#queue.leastWanted(priority, agent) : undefined
    if (ticket === undefined) return undefined
    this.#queue.remove(ticket)
    ticket.state = 'refused'
    const reason = ticket.priority === priority ? 'QUEUE_SATURATED' : 'SHED_LOW_PRIORITY'
    return { ticket, refusal: this.#refuse(reason, ticket.spread, nowMs) }
  }

  /** Milliseconds: what a caller who comes now would wait. */
  #estimateMs(nowMs: number): number {
    const { queueDepth, active, limit } = this.depths()
    return active < limit && queueDepth === 0 ? 0 : (queueDepth + 1) * this.#perPlaceMs(nowMs)
  }

  /** Begins or ends the shedding of low calls. */
  #watch(nowMs: number): void {
    const { maxQueueDepth: maxDepth, ttlMs } = this.#settings
    const load = { depth: this.#queue.depth, maxDepth, estimateMs: this.#estimateMs(nowMs), ttlMs }
    if (this.#overload.look(load, nowMs)) this.#tell({ kind: 'shedding', isOn: this.#overload.isOn })
  }

  #grant(queuedAtMs: number, priority: Priority, nowMs: number): Lease {
    const lease = this.#running.begin(queuedAtMs, this.#settings.leaseMs, nowMs)
    this.#steering.limiter.sent(lease, this.#running.active)
    this.#tell({ kind: 'started', waitedMs: lease.waitedMs, priority })
    return lease
  }

  /** What the end of a lease, already taken out, says to controller and estimates. */
  #learn(lease: Lease, end: EndedLease, nowMs: number): void {
    const { cause, verdict, latencyMs } = end
    const heldMs = nowMs - lease.grantedAtMs
    lease.state = cause
    if (cause !== 'cancelled') this.#advice.ended(heldMs)
    if (verdict !== 'ignored') this.#recent.record(verdict === 'dropped', latencyMs, nowMs)
    this.#steering.limiter.ended(lease, { ...end, spread: this.#luck }, nowMs)
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

  /** Hands free slots to the tickets whose turn it is; stale ones are told so and never run. */
  #dispatch(nowMs: number): Moves {
    if (this.#queue.depth === 0) return NO_MOVES
    const refused: Refused[] = []
    for (let stale = this.#queue.shiftDue(nowMs); stale; stale = this.#queue.shiftDue(nowMs)) {
      stale.state = 'refused'
      refused.push({ ticket: stale, refusal: this.#refuse('QUEUE_TTL_EXPIRED', stale.spread, nowMs) })
    }
    const granted: Ticket[] = []
    while (!this.#steering.valve.isPaused && this.hasRoom(nowMs)) {
      const ticket = this.#queue.shift()
      if (ticket === undefined) break
      ticket.state = 'granted'
      ticket.lease = this.#grant(ticket.queuedAtMs, ticket.priority, nowMs)
      granted.push(ticket)
    }
    this.#watch(nowMs)
    return granted.length === 0 && refused.length === 0 ? NO_MOVES : { reclaimed: [], refused, granted }
  }

  #refuse(reason: LaneReason, spread: number, nowMs: number): Refusal {
    const bounds = this.#settings.retryAfter
    const retryAfterMs =
      reason === 'LANE_PAUSED'
        ? this.#advice.until(this.#steering.valve.pausedUntilMs, bounds, { nowMs, spread })
        : this.#advice.next(this.#perPlaceMs(nowMs), bounds, { nowMs, spread })
    return { reason, retryAfterMs, depths: this.depths() }
  }

  #perPlaceMs(nowMs: number): number {
    const { active } = this.#running
    return this.#advice.perPlaceMs({
      active,
      limit: this.#steering.limit,
      agesMs: this.#running.agesMs(nowMs),
    })
  }

  #followValve(nowMs: number): void {
    const { pinnedLimit, isPaused } = this.#steering.valve
    this.#tell({ kind: 'operated', paused: isPaused, pinned: pinnedLimit !== undefined })
    this.#steering.followValve(nowMs)
  }
}
