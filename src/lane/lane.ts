/**
 * The core of one tool: which calls run, wait or are refused. Pure: time and random numbers are arguments, decisions are
 * return values. A freed slot is handed to the next ticket within the act that freed it, so that no newcomer can take it
 * first. Must not know of callbacks, sockets or timers: gate/ drives it.
 */
import { demandOf } from './demand.ts'
import type { Demand } from './demand.ts'
import { Admission } from './admission.ts'
import type { Depths, LaneListener } from './event.ts'
import type { Lease, LeaseEnd } from './lease.ts'
import { Lessons } from './lessons.ts'
import { NO_EFFECTS } from './effects.ts'
import type { AdmissionResult, Effects, Refusal, Want } from './effects.ts'
import { WaitEstimator } from './wait-estimator.ts'
import { newParts } from './parts.ts'
import type { LaneParts } from './parts.ts'
import type { Priority } from './priority.ts'
import type { ClosedReason } from './reason.ts'
import { Refusals } from './refusals.ts'
import type { Started } from './running-leases.ts'
import type { LaneSettings } from './settings.ts'
import { snapshotOf } from './snapshot.ts'
import type { Ceiling, LimiterOf, LimitControlParts } from './limit-control.ts'
import { Ticket } from './ticket.ts'
import type { OverrideOrder } from './operator-override.ts'

/** Whether a call that the tool failed may be tried once more. */
export type RetryAnswer = 'granted' | 'overloaded' | 'no_budget'

export class Lane {
  readonly #parts: LaneParts
  readonly #estimator: WaitEstimator
  readonly #admission: Admission
  readonly #refusals: Refusals
  readonly #lessons: Lessons
  readonly #tell: LaneListener
  /** The random number of the latest newcomer, for decisions that need one and are not about a newcomer. */
  #random = 0

  /** `limiterOf` lets the benchmark run laws that src does not know. */
  constructor(settings: LaneSettings, nowMs: number, tell: LaneListener, limiterOf?: LimiterOf) {
    this.#tell = tell
    const decided: LimitControlParts['decided'] = (decision, from) => {
      const { algorithm } = this.#parts.limitControl.limiter
      this.#tell({ kind: 'decided', algorithm, decision, from, depths: this.depths() })
    }
    this.#parts = newParts(settings, nowMs, { limiterOf, decided })
    this.#estimator = new WaitEstimator(this.#parts)
    this.#admission = new Admission(this.#parts, this.#estimator)
    this.#refusals = new Refusals(this.#parts, this.#estimator)
    this.#lessons = new Lessons({ ...this.#parts, estimator: this.#estimator, tell })
  }

  get settings(): LaneSettings {
    return this.#parts.settings
  }

  /** Whether a newcomer of this class, and of any agent, would be refused now. */
  wouldRefuse(priority: Priority, nowMs: number): boolean {
    const newcomer = { priority, agent: '', ttlMs: this.settings.ttlMs }
    return !this.#admission.canStart(1, nowMs) && this.#admission.judge(newcomer, nowMs).kind === 'refuse'
  }

  /** Starts a newcomer if it can start now; undefined when it cannot. */
  start({ spread, priority = 'normal', leaseMs, agentOf }: Want, nowMs: number): Lease | undefined {
    if (!this.#admission.canStart(1, nowMs)) return undefined
    this.#random = spread
    this.#admitted(false, nowMs)
    return this.#grant({ queuedAtMs: nowMs, priority, leaseMs, agentOf }, nowMs)
  }

  /** Decides at once: a lease, a place in the queue, or a refusal. */
  admit(want: Want, nowMs: number): AdmissionResult {
    const { spread, priority = 'normal', agent = '', leaseMs, agentOf, waiter } = want
    const lease = this.start(want, nowMs)
    if (lease !== undefined) return { kind: 'granted', lease }
    this.#random = spread
    this.#watch(nowMs)
    const ttlMs = Math.min(this.settings.ttlMs, want.ttlMs ?? Infinity)
    const judged = this.#admission.judge({ priority, agent, ttlMs }, nowMs)
    if (judged.kind === 'refuse')
      return { kind: 'refused', refusal: this.#refusals.because(judged.reason, { spread, nowMs }) }
    const putOut = judged.putOut && this.#refusals.putOut(judged.putOut, priority, nowMs)
    const at = { queuedAtMs: nowMs, dueAtMs: nowMs + ttlMs, spread }
    const ticket = new Ticket({ ...at, priority, agent, leaseMs, agentOf, waiter })
    this.#parts.queue.push(ticket)
    this.#admitted(true, nowMs)
    this.#watch(nowMs)
    return { kind: 'queued', ticket, putOut }
  }

  /**
   * Why `calls` calls, of which `want` is the last, cannot start together now; undefined when `admit` would grant each of
   * them a lease. Admits nothing; the time to come back in a refusal counts as promised.
   */
  whyNotTogether(calls: number, want: Want, nowMs: number): Refusal | undefined {
    const { spread, priority = 'normal', agent = '' } = want
    const ttlMs = Math.min(this.settings.ttlMs, want.ttlMs ?? Infinity)
    const reason = this.#admission.whyNotTogether(calls, { priority, agent, ttlMs }, nowMs)
    return reason && this.#refusals.because(reason, { spread, nowMs, calls })
  }

  /** Ends a lease. A second end changes nothing and is told as an event. */
  settle(lease: Lease, end: LeaseEnd, nowMs: number): Effects {
    if (!this.#parts.running.end(lease)) {
      this.#tell({ kind: 'ended_twice' })
      return NO_EFFECTS
    }
    this.#lessons.learn(lease, end, { nowMs, spread: this.#random })
    return this.#dispatch(nowMs)
  }

  /** The tool accepted the call. A lane that was probing a throttling tool goes on. */
  accepted(lease: Lease, nowMs: number): Effects {
    if (lease.state !== 'running' || !this.#parts.throttle.accepted(lease, nowMs)) return NO_EFFECTS
    this.#tell({ kind: 'throttled', isOn: false, forMs: 0 })
    return this.#dispatch(nowMs)
  }

  /** A byte went by, in whichever direction. */
  renew(lease: Lease, nowMs: number): void {
    lease.renewedAtMs = nowMs
  }

  /** Whom the call waits for, should its lease run out. */
  waitsFor(lease: Lease, who: 'tool' | 'caller'): void {
    lease.waitsFor = who
  }

  /** The tool's response head came, `afterMs` milliseconds after the grant. */
  answered(lease: Lease, afterMs: number): void {
    lease.answeredAfterMs = afterMs
  }

  /** Stores how to stop the call if its lease is reclaimed; the gate calls `stop`. */
  onReclaimed(lease: Lease, stop: () => void): void {
    lease.stop = stop
  }

  /** The caller of a waiting ticket left; false when it no longer waits. */
  cancel(ticket: Ticket, nowMs: number): boolean {
    if (!this.#parts.queue.remove(ticket)) return false
    ticket.state = 'cancelled'
    this.#tell({ kind: 'left', waitedMs: nowMs - ticket.queuedAtMs })
    this.#watch(nowMs)
    return true
  }

  /** Does what is due: reclaims silent leases, refuses stale tickets, ends overrides, lets the law decide. */
  expire(nowMs: number): Effects {
    const reclaimed = this.#reclaim(nowMs)
    const moves = this.refresh(nowMs)
    return reclaimed.length === 0 ? moves : { ...moves, reclaimed }
  }

  /** The same without reclaiming leases: bytes that renew a lease may not have been read yet. */
  refresh(nowMs: number): Effects {
    if (this.#parts.limitControl.override.expire(nowMs)) this.#followOverride(nowMs)
    return this.#dispatch(nowMs)
  }

  /**
   * This process stood still for `ms` until about now. The tool was not silent or slow in that time, so leases and
   * latencies do not count it. The deadlines of waiting calls do.
   */
  stopped(ms: number, nowMs: number): void {
    const { running, limitControl } = this.#parts
    if (running.active === 0) return
    running.stopped(ms, nowMs)
    // The law must not judge by calls that were sent before the stop.
    limitControl.limiter.moved(nowMs)
  }

  /** Milliseconds: when `expire` has to be called next; Infinity when nothing can come due. */
  wakeAtMs(): number {
    const { queue, running, limitControl, throttle } = this.#parts
    // Calls that wait although slots are free wait for the throttle to open.
    const opensAtMs = queue.depth > 0 && this.#admission.hasSlots(1) ? throttle.opensAtMs() : Infinity
    return Math.min(queue.nextDueAtMs(), running.nextDueAtMs(), limitControl.nextDueAtMs(), opensAtMs)
  }

  /** Obeys an operator. A limit outside the lane's bounds is clamped; the admin API has checked it before. */
  operate(order: OverrideOrder, nowMs: number): Effects {
    this.#parts.limitControl.override.obey(order, nowMs)
    this.#followOverride(nowMs)
    return this.#dispatch(nowMs)
  }

  /** The fleet leaves so many slots to this lane. Calls that run beyond them run to their end. */
  cap(ceiling: Ceiling, nowMs: number): Effects {
    this.#parts.limitControl.cap(ceiling, nowMs)
    return this.#dispatch(nowMs)
  }

  /** Takes one retry out of the budget, or says why not. Grants none while the lane is overloaded, throttled or paused. */
  askRetry(nowMs: number): RetryAnswer {
    const { overload, throttle, limitControl, retryBudget, settings } = this.#parts
    if (overload.isOn || throttle.isThrottling(nowMs) || limitControl.override.isPaused) return 'overloaded'
    return retryBudget.take(settings.retryBudgetRatio, nowMs) ? 'granted' : 'no_budget'
  }

  /** A new configuration for the same tool: queue and leases stay. */
  reconfigure(settings: LaneSettings, nowMs: number): Effects {
    const { bucket, limitControl } = this.#parts
    this.#parts.settings = settings
    bucket.reconfigure(settings.rate, nowMs)
    limitControl.reconfigure(settings, nowMs)
    return this.#dispatch(nowMs)
  }

  /** Refuses waiting and future calls with this reason. Running calls run to their end. Cannot be undone. */
  close(reason: ClosedReason, nowMs: number): Effects {
    if (this.#parts.closedFor !== undefined) return NO_EFFECTS
    this.#parts.closedFor = reason
    const refused = this.#refusals.everybody(reason, nowMs)
    this.#watch(nowMs)
    return { ...NO_EFFECTS, refused }
  }

  isIdle(): boolean {
    return this.#parts.running.active === 0 && this.#parts.queue.depth === 0
  }

  depths(): Depths {
    const { queue, running, limitControl } = this.#parts
    return { queueDepth: queue.depth, active: running.active, limit: limitControl.limit }
  }

  /** How many of the fleet's slots the lane would use. */
  demand(nowMs: number): Demand {
    return demandOf(this.#parts, nowMs)
  }

  /** Everything that an operator may see of the lane now; milliseconds and shares 0..1. */
  snapshot(nowMs: number) {
    return snapshotOf(this.#parts, this.#estimator, nowMs)
  }

  /** Begins or ends the shedding of low calls. */
  #watch(nowMs: number): void {
    const { queue, overload, settings } = this.#parts
    const { maxQueueDepth: maxDepth, ttlMs } = settings
    const load = { depth: queue.depth, maxDepth, estimateMs: this.#estimator.waitMs(nowMs), ttlMs }
    if (overload.look(load, nowMs)) this.#tell({ kind: 'shedding', isOn: overload.isOn })
  }

  #admitted(queued: boolean, nowMs: number): void {
    this.#parts.retryBudget.called(nowMs)
    this.#tell({ kind: 'admitted', queued })
  }

  #grant(call: Started & { readonly priority: Priority }, nowMs: number): Lease {
    const { running, bucket, throttle, limitControl, settings } = this.#parts
    const lease = running.begin(call, settings.leaseMs, nowMs)
    bucket.take(nowMs)
    throttle.sent(lease)
    limitControl.limiter.sent(lease, running.active)
    this.#tell({ kind: 'started', waitedMs: lease.waitedMs, priority: call.priority })
    return lease
  }

  #reclaim(nowMs: number): Lease[] {
    const reclaimed: Lease[] = []
    const next = () => this.#parts.running.endSilent(this.settings.leaseMs, nowMs)
    for (let lease = next(); lease; lease = next()) {
      const verdict = lease.waitsFor === 'caller' ? 'ignored' : 'dropped'
      this.#lessons.learn(lease, { cause: 'reclaimed', verdict }, { nowMs, spread: this.#random })
      reclaimed.push(lease)
    }
    return reclaimed
  }

  /** Refuses stale tickets and hands free slots to the tickets that are next. */
  #dispatch(nowMs: number): Effects {
    const { queue, limitControl } = this.#parts
    // The limit is brought up to date first, because the fleet's slots may have ended.
    limitControl.step(nowMs)
    if (queue.depth === 0) return NO_EFFECTS
    const refused = this.#refusals.stale(nowMs)
    const granted: Ticket[] = []
    while (this.#admission.canStartNext(nowMs)) {
      const ticket = queue.shift()
      if (ticket === undefined) break
      ticket.state = 'granted'
      ticket.lease = this.#grant(ticket, nowMs)
      granted.push(ticket)
    }
    this.#watch(nowMs)
    return granted.length === 0 && refused.length === 0 ? NO_EFFECTS : { reclaimed: [], refused, granted }
  }

  #followOverride(nowMs: number): void {
    const { limitControl } = this.#parts
    const { pinnedLimit, isPaused } = limitControl.override
    this.#tell({ kind: 'operated', paused: isPaused, pinned: pinnedLimit !== undefined })
    limitControl.followOverride(nowMs)
  }
}
