/**
 * Drives one lane in real time: sets one timer for what is due next, and tells waiting calls their turn by callbacks, in
 * order and never one within another. Decides nothing itself; lane/ does.
 */
import { Lane } from '../lane/lane.ts'
import type { RetryAnswer } from '../lane/lane.ts'
import type { Demand } from '../lane/demand.ts'
import { isSameDemand } from '../lane/demand.ts'
import type { Effects, Refusal, Want } from '../lane/effects.ts'
import type { LaneListener } from '../lane/event.ts'
import { NOT_USED } from '../lane/lease.ts'
import type { Lease, LeaseEnd } from '../lane/lease.ts'
import type { ClosedReason } from '../lane/reason.ts'
import type { LaneSettings } from '../lane/settings.ts'
import type { Ceiling, LimiterOf } from '../lane/limit-control.ts'
import type { Ticket } from '../lane/ticket.ts'
import type { OverrideOrder } from '../lane/operator-override.ts'
import type { Clock, Timer } from '../time/clock.ts'
import { Callbacks } from './callbacks.ts'
import { LeaseHandle } from './lease-handle.ts'
import { Waiting } from './waiting.ts'

/** The immediate answer to a call that asks for a lease. */
export type Entered =
  | { readonly kind: 'granted'; readonly lease: LeaseHandle }
  /**
   * `leave`: the call gives up waiting. True when it left; its turn is then never told. False when its turn was told
   * before, or when it had left.
   */
  | { readonly kind: 'queued'; readonly leave: () => boolean }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

/** What the lane decided about a call that asked for a lease, at once or after it waited. */
export type Turn = Exclude<Entered, { kind: 'queued' }>

/** What a call asks for. */
export type Asked = Omit<Want, 'spread' | 'agent' | 'waiter'>

export interface GateParts {
  readonly clock: Clock
  /** A random number, 0 <= n < 1. */
  readonly random: () => number
  readonly tell: LaneListener
  /** Gets what a listener or a callback threw. Such an error concerns one call and must not affect the others. */
  readonly failed: (error: unknown) => void
  /** Called when the lane would use another number of the fleet's slots than when this was called last. */
  readonly demandMoved?: (() => void) | undefined
  /** A law that src does not know, for the benchmark. */
  readonly limiterOf?: LimiterOf | undefined
}

export class Gate {
  readonly lane: Lane
  readonly #clock: Clock
  readonly #random: () => number
  readonly #callbacks: Callbacks
  readonly #demandMoved: (() => void) | undefined
  #demandTold: Demand | undefined
  #timer: Timer | undefined
  #timerAtMs = Infinity
  #isClosed = false
  /** Milliseconds: the clock's stoppedMs when it was last read. */
  #stoppedMs: number

  constructor(settings: LaneSettings, parts: GateParts) {
    const { clock, tell, limiterOf } = parts
    this.#clock = clock
    this.#random = parts.random
    this.#demandMoved = parts.demandMoved
    this.#callbacks = new Callbacks(parts.failed)
    this.#stoppedMs = clock.stoppedMs()
    const tellSafely: LaneListener = (event) => {
      try {
        tell(event)
      } catch (error) {
        parts.failed(error)
      }
    }
    this.lane = new Lane(settings, clock.nowMs(), tellSafely, limiterOf)
  }

  /**
   * Asks for a lease and answers at once. If the call was queued, `onTurn` is called once, after this has returned, unless
   * the call leaves before. `agentOf` is called only if the call cannot start at once.
   */
  enter(asked: Asked, onTurn: (turn: Turn) => void): Entered {
    const nowMs = this.catchUp()
    const want = { ...asked, spread: this.#random() }
    const lease = this.lane.start(want, nowMs)
    if (lease !== undefined) {
      this.followUp(nowMs)
      return { kind: 'granted', lease: new LeaseHandle(this, lease) }
    }
    const waiting = new Waiting(this, onTurn, this.#callbacks)
    const admission = this.lane.admit({ ...want, agent: asked.agentOf?.(), waiter: waiting }, nowMs)
    if (admission.kind === 'granted') throw new Error('a call started that was to wait')
    if (admission.kind === 'refused') {
      this.followUp(nowMs)
      return admission
    }
    const { ticket, putOut } = admission
    putOut?.ticket.waiter?.refused(putOut.refusal)
    this.followUp(nowMs)
    // A callback of another call may have ended the waiting of this one already.
    return waiting.begin() ?? { kind: 'queued', leave: () => waiting.leave(ticket) }
  }

  /** Starts a call that can start at once. After the last call that is started together, `followUp` has to be called. */
  start(asked: Asked, nowMs: number): LeaseHandle {
    const lease = this.lane.start({ ...asked, spread: this.#random() }, nowMs)
    if (lease === undefined) throw new Error('a call was to start, and could not')
    return new LeaseHandle(this, lease)
  }

  /** See Lane.whyNotTogether. */
  whyNotTogether(calls: number, asked: Asked, nowMs: number): Refusal | undefined {
    return this.lane.whyNotTogether(calls, { ...asked, spread: this.#random() }, nowMs)
  }

  /**
   * Does what is due, so that a stale ticket does not take the place of a newcomer, and returns the time now. Silent leases
   * are left to the timer, which fires after the sockets were read.
   */
  catchUp(): number {
    const nowMs = this.#look()
    if (this.lane.wakeAtMs() > nowMs) return nowMs
    this.#follow(this.lane.refresh(nowMs), nowMs)
    return this.#clock.nowMs()
  }

  /** After each act: sets the timer, tells the fleet, and runs the callbacks, which may act themselves. */
  followUp(nowMs: number): void {
    this.#arm(nowMs)
    if (this.#demandMoved !== undefined) this.#tellDemand(this.#demandMoved, nowMs)
    this.#callbacks.run()
  }

  renew(lease: Lease): void {
    this.lane.renew(lease, this.#clock.nowMs())
  }

  /** See Lane.accepted. */
  accepted(lease: Lease): void {
    const nowMs = this.#look()
    this.#follow(this.lane.accepted(lease, nowMs), nowMs)
  }

  settle(lease: Lease, end: LeaseEnd): void {
    const nowMs = this.#look()
    this.#follow(this.lane.settle(lease, end, nowMs), nowMs)
  }

  /** Takes the ticket of a call that leaves out of the queue; false when it does not wait any more. */
  cancel(ticket: Ticket): boolean {
    const nowMs = this.#clock.nowMs()
    const isOut = this.lane.cancel(ticket, nowMs)
    this.followUp(nowMs)
    return isOut
  }

  operate(order: OverrideOrder): void {
    const nowMs = this.#look()
    this.#follow(this.lane.operate(order, nowMs), nowMs)
  }

  /** The fleet leaves so many slots to this lane. */
  cap(ceiling: Ceiling): void {
    const nowMs = this.#look()
    this.#follow(this.lane.cap(ceiling, nowMs), nowMs)
  }

  /** See Lane.demand. */
  demand(): Demand {
    return this.lane.demand(this.#clock.nowMs())
  }

  /** See Lane.askRetry. */
  askRetry(): RetryAnswer {
    return this.lane.askRetry(this.#clock.nowMs())
  }

  reconfigure(settings: LaneSettings): void {
    const nowMs = this.#look()
    this.#follow(this.lane.reconfigure(settings, nowMs), nowMs)
  }

  /** Refuses waiting and future calls with this reason and stops the timer, so silent leases are no longer reclaimed. */
  close(reason: ClosedReason): void {
    this.#isClosed = true
    this.#timer?.clear()
    this.#timer = undefined
    this.#timerAtMs = Infinity
    const nowMs = this.#clock.nowMs()
    this.#follow(this.lane.close(reason, nowMs), nowMs)
  }

  nowMs(): number {
    return this.#clock.nowMs()
  }

  /** The time now. The lane is told of a stop of the process before it acts on the time that has passed. */
  #look(): number {
    const nowMs = this.#clock.nowMs()
    const stoppedMs = this.#clock.stoppedMs()
    if (stoppedMs > this.#stoppedMs) this.lane.stopped(stoppedMs - this.#stoppedMs, nowMs)
    this.#stoppedMs = stoppedMs
    return nowMs
  }

  /** Calls are stopped before others start: the tool must not get a new call while the reclaimed one still runs. */
  #follow({ reclaimed, refused, granted }: Effects, nowMs: number): void {
    for (const { stop } of reclaimed) if (stop !== undefined) this.#callbacks.push(stop)
    for (const { ticket, refusal } of refused) ticket.waiter?.refused(refusal)
    for (const { waiter, lease } of granted) if (lease !== undefined) waiter?.granted(lease)
    this.followUp(nowMs)
  }

  #tellDemand(demandMoved: () => void, nowMs: number): void {
    const demand = this.lane.demand(nowMs)
    if (this.#demandTold !== undefined && isSameDemand(demand, this.#demandTold)) return
    this.#demandTold = demand
    this.#callbacks.try(demandMoved)
  }

  /** Sets the one timer, never later than the first due time. A timer that fires too early is set again. */
  #arm(nowMs: number): void {
    const wakeAtMs = this.lane.wakeAtMs()
    if (wakeAtMs >= this.#timerAtMs || this.#isClosed) return
    this.#timer?.clear()
    this.#timerAtMs = wakeAtMs
    this.#timer = this.#clock.after(wakeAtMs - nowMs, () => {
      this.#timer = undefined
      this.#timerAtMs = Infinity
      const atMs = this.#look()
      this.#follow(this.lane.expire(atMs), atMs)
    })
  }
}

/** The calls of a batch; several may be for one gate. */
export type Wants = readonly { readonly gate: Gate; readonly want: Asked }[]

/**
 * Enters several lanes at once or none of them; no call waits. Unless all calls can start, no lane counts, takes or changes
 * anything, except that the refusing lane promises a time to come back as to any refused caller. `index`: the call that
 * was refused.
 */
export function enterAll(
  wants: Wants,
):
  | { readonly kind: 'granted'; readonly leases: readonly LeaseHandle[] }
  | { readonly kind: 'refused'; readonly index: number; readonly refusal: Refusal } {
  for (const { gate } of wants) gate.catchUp()
  // From here on no callback runs, so that a call that can start here does start below.
  const times = new Map(wants.map(({ gate }) => [gate, gate.nowMs()]))
  const calls = new Map<Gate, number>()
  for (const [index, { gate, want }] of wants.entries()) {
    const count = (calls.get(gate) ?? 0) + 1
    calls.set(gate, count)
    const refusal = gate.whyNotTogether(count, want, times.get(gate) ?? 0)
    if (refusal !== undefined) return { kind: 'refused', index, refusal }
  }
  const leases: LeaseHandle[] = []
  try {
    for (const { gate, want } of wants) leases.push(gate.start(want, times.get(gate) ?? 0))
  } catch (error) {
    // An internal error must leave no lease behind.
    for (const lease of leases) lease.settle(NOT_USED)
    throw error
  }
  for (const [gate, nowMs] of times) gate.followUp(nowMs)
  return { kind: 'granted', leases }
}
