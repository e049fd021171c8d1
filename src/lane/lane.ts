/**
 * One tool's lane: who runs, who waits, who is sent away. Pure: time and luck come in as numbers, decisions come out
 * as data, and a freed slot is handed to the next ticket within the call that freed it, never contested again.
 * Must not know of promises, sockets or timers: gate/ drives it.
 */
import { Door } from './door.ts'
import type { RetryAnswer } from './door.ts'
import type { Depths, LaneListener } from './event.ts'
import type { Lease, LeaseEnd } from './lease.ts'
import { Lessons } from './lessons.ts'
import { NO_MOVES } from './moves.ts'
import type { Admission, Moves, Refusal, Refused, Want } from './moves.ts'
import { Outlook } from './outlook.ts'
import type { Priority } from './priority.ts'
import { Queue } from './queue.ts'
import type { LaneReason } from './reason.ts'
import { Running } from './running.ts'
import type { Started } from './running.ts'
import { RecentCalls } from './sample.ts'
import type { LaneSettings } from './settings.ts'
import { Steering } from './steering.ts'
import type { Ceiling, LimiterOf } from './steering.ts'
import { Throttle } from './throttle.ts'
import { Ticket } from './ticket.ts'
import type { ValveOrder } from './valve.ts'

export class Lane {
  #settings: LaneSettings
  readonly #queue = new Queue()
  readonly #running = new Running()
  readonly #steering: Steering
  readonly #throttle = new Throttle()
  readonly #outlook: Outlook
  /** Who may come in; for the gate to ask, not to change. */
  readonly door: Door
  readonly #recent: RecentCalls
  readonly #lessons: Lessons
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
      figures: (atMs) => ({ calls: 0, ...this.#recent.figures(atMs) }),
      decided: (decision, from) => {
        const { algorithm } = this.#steering.limiter
        this.#tell({ kind: 'decided', algorithm, decision, from, depths: this.depths() })
      },
    })
    const parts = {
      queue: this.#queue,
      running: this.#running,
      steering: this.#steering,
      throttle: this.#throttle,
    }
    this.#outlook = new Outlook(parts)
    const outlook = this.#outlook
    this.door = new Door(settings, { ...parts, outlook }, nowMs)
    this.#lessons = new Lessons({ ...parts, outlook, recent: this.#recent, tell })
  }

  get settings(): LaneSettings {
    return this.#settings
  }

  /** Decides at once: a lease, a place in the queue, or a refusal. */
  admit(want: Want, nowMs: number): Admission {
    const { spread, priority = 'normal', agent = '', leaseMs, agentOf } = want
    this.#luck = spread
    if (this.door.takesAtOnce(nowMs)) {
      this.#admitted(false, nowMs)
      return { kind: 'granted', lease: this.#grant({ queuedAtMs: nowMs, priority, leaseMs, agentOf }, nowMs) }
    }
    this.#watch(nowMs)
    const ttlMs = Math.min(this.#settings.ttlMs, want.ttlMs ?? Infinity)
    const newcomer = { priority, agent, ttlMs }
    const reason = this.door.whyNot(newcomer, nowMs)
    if (reason !== undefined) return { kind: 'refused', refusal: this.#refuse(reason, spread, nowMs) }
    const putOut = this.#putOut(this.door.leastWanted(newcomer, nowMs), priority, nowMs)
    const dueAtMs = nowMs + ttlMs
    const ticket = new Ticket({ queuedAtMs: nowMs, dueAtMs, spread, priority, agent, leaseMs, agentOf })
    this.#queue.push(ticket)
    this.#admitted(true, nowMs)
    this.#watch(nowMs)
    return { kind: 'queued', ticket, putOut }
  }

  /** Ends a lease. A second end changes nothing, but is told. */
  settle(lease: Lease, end: LeaseEnd, nowMs: number): Moves {
    if (!this.#running.end(lease)) {
      this.#tell({ kind: 'ended_twice' })
      return NO_MOVES
    }
    this.#lessons.learn(lease, end, { nowMs, spread: this.#luck })
    return this.#dispatch(nowMs)
  }

  /** The tool takes the call, whatever comes of it: a lane that waited to see that goes on. */
  accepted(lease: Lease, nowMs: number): Moves {
    if (lease.state !== 'running' || !this.#throttle.accepted(lease, nowMs)) return NO_MOVES
    this.#tell({ kind: 'throttled', isOn: false, forMs: 0 })
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
    const moves = this.refresh(nowMs)
    return reclaimed.length === 0 ? moves : { ...moves, reclaimed }
  }

  /** The same but for leases: bytes that renew one may not have been read yet. */
  refresh(nowMs: number): Moves {
    if (this.#steering.valve.expire(nowMs)) this.#followValve(nowMs)
    return this.#dispatch(nowMs)
  }

  /**
   * This process stood still for `ms` until about now. That is no silence and no latency of the tool's; but the time of
   * those who wait went by.
   */
  stopped(ms: number, nowMs: number): void {
    if (this.#running.active === 0) return
    this.#running.stopped(ms, nowMs)
    // To the law, what was sent before says nothing any more.
    this.#steering.limiter.moved(nowMs)
  }

  /** Milliseconds: when `expire` has to be called next; Infinity when nothing can come due. */
  wakeAtMs(): number {
    return Math.min(
      this.#queue.nextDueAtMs(),
      this.#running.nextDueAtMs(),
      this.#steering.nextDueAtMs(),
      this.door.reopensAtMs(),
    )
  }

  /** The operator's hand. A limit outside the lane's bounds is clamped; who asks should have checked. */
  operate(order: ValveOrder, nowMs: number): Moves {
    this.#steering.valve.obey(order, nowMs)
    this.#followValve(nowMs)
    return this.#dispatch(nowMs)
  }

  /** The fleet leaves so many slots to this lane; what runs above them goes to its end. */
  cap(ceiling: Ceiling, nowMs: number): Moves {
    this.#steering.cap(ceiling, nowMs)
    return this.#dispatch(nowMs)
  }

  /** Whether a call that the tool failed may be tried once more. */
  askRetry(nowMs: number): RetryAnswer {
    return this.door.askRetry(nowMs)
  }

  /** A new configuration for the same tool: queue and leases stay. */
  reconfigure(settings: LaneSettings, nowMs: number): Moves {
    this.#settings = settings
    this.door.reconfigure(settings, nowMs)
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
      ...this.#recent.figures(nowMs),
      paused: this.#steering.valve.isPaused,
      pausedUntilMs: this.#steering.valve.pausedUntilMs,
      pinned: this.#steering.valve.pinnedLimit !== undefined,
      pinnedUntilMs: this.#steering.valve.pinnedUntilMs,
      algorithm: this.#steering.limiter.algorithm,
      lastDecision: this.#steering.lastDecision,
      shedsLowPriority: this.door.shedsLowPriority,
      estimateMs: this.#outlook.waitMs(nowMs),
      throttledUntilMs: this.#throttle.isShut(nowMs) ? this.#throttle.askedUntilMs : undefined,
      ceiling: this.#steering.ceiling,
    }
  }

  /** In a full queue, the ticket that matters least makes room. */
  #putOut(ticket: Ticket | undefined, priority: Priority, nowMs: number): Refused | undefined {
    if (ticket === undefined) return undefined
    this.#queue.remove(ticket)
    ticket.state = 'refused'
    const reason = ticket.priority === priority ? 'QUEUE_SATURATED' : 'SHED_LOW_PRIORITY'
    return { ticket, refusal: this.#refuse(reason, ticket.spread, nowMs) }
  }

  /** Begins or ends the shedding of low calls. */
  #watch(nowMs: number): void {
    if (this.door.watch(nowMs)) this.#tell({ kind: 'shedding', isOn: this.door.shedsLowPriority })
  }

  #admitted(queued: boolean, nowMs: number): void {
    this.door.letIn(nowMs)
    this.#tell({ kind: 'admitted', queued })
  }

  #grant(call: Started & { readonly priority: Priority }, nowMs: number): Lease {
    const lease = this.#running.begin(call, this.#settings.leaseMs, nowMs)
    this.door.bucket.take(nowMs)
    this.#throttle.sent(lease)
    this.#steering.limiter.sent(lease, this.#running.active)
    this.#tell({ kind: 'started', waitedMs: lease.waitedMs, priority: call.priority })
    return lease
  }

  #reclaim(nowMs: number): Lease[] {
    const reclaimed: Lease[] = []
    const next = () => this.#running.endSilent(this.#settings.leaseMs, nowMs)
    for (let lease = next(); lease; lease = next()) {
      const verdict = lease.waitsFor === 'caller' ? 'ignored' : 'dropped'
      this.#lessons.learn(lease, { cause: 'reclaimed', verdict }, { nowMs, spread: this.#luck })
      reclaimed.push(lease)
    }
    return reclaimed
  }

  /** Hands free slots to the tickets whose turn it is; stale ones are told so and never run. */
  #dispatch(nowMs: number): Moves {
    // What the limit is comes first, whatever made slots free: a fleet's slots may be over.
    this.#steering.step(nowMs)
    if (this.#queue.depth === 0) return NO_MOVES
    const refused = this.#sendAway(nowMs)
    const granted: Ticket[] = []
    while (this.door.hasRoom(nowMs)) {
      const ticket = this.#queue.shift()
      if (ticket === undefined) break
      ticket.state = 'granted'
      ticket.lease = this.#grant(ticket, nowMs)
      granted.push(ticket)
    }
    this.#watch(nowMs)
    return granted.length === 0 && refused.length === 0 ? NO_MOVES : { reclaimed: [], refused, granted }
  }

  /** Tickets whose time is over, or will be before the tool may be called again. */
  #sendAway(nowMs: number): Refused[] {
    const refused: Refused[] = []
    const until = (dueMs: number, reason: LaneReason): void => {
      for (let late = this.#queue.shiftDue(dueMs); late; late = this.#queue.shiftDue(dueMs)) {
        late.state = 'refused'
        refused.push({ ticket: late, refusal: this.#refuse(reason, late.spread, nowMs) })
      }
    }
    until(nowMs, 'QUEUE_TTL_EXPIRED')
    if (this.#steering.isShut) until(Infinity, 'STORE_UNAVAILABLE')
    if (this.#throttle.closedUntilMs > nowMs) until(this.#throttle.closedUntilMs, 'UPSTREAM_THROTTLED')
    return refused
  }

  #refuse(reason: LaneReason, spread: number, nowMs: number): Refusal {
    const { retryAfter: bounds } = this.#settings
    const retryAfterMs = this.#outlook.retryAfterMs(reason, {
      bounds,
      bucket: this.door.bucket,
      spread,
      nowMs,
    })
    const toolWaitMs = reason === 'UPSTREAM_THROTTLED' ? this.#outlook.toolWaitMs(nowMs) : undefined
    return { reason, retryAfterMs, depths: this.depths(), toolWaitMs }
  }

  #followValve(nowMs: number): void {
    const { pinnedLimit, isPaused } = this.#steering.valve
    this.#tell({ kind: 'operated', paused: isPaused, pinned: pinnedLimit !== undefined })
    this.#steering.followValve(nowMs)
  }
}
