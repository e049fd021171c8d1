/**
 * The lane in real time: tickets become promises, due times become one timer, freed slots become calls to whoever
 * waits. The only room with promises and decisions; it decides nothing itself, lane/ does.
 */
import { Lane } from '../lane/lane.ts'
import type { Moves, Refusal, Want } from '../lane/moves.ts'
import type { LaneListener } from '../lane/event.ts'
import type { Lease, LeaseEnd } from '../lane/lease.ts'
import type { Ticket } from '../lane/ticket.ts'
import type { LaneSettings } from '../lane/settings.ts'
import type { Ceiling } from '../lane/steering.ts'
import type { ValveOrder } from '../lane/valve.ts'
import type { Clock, Timer } from '../time/clock.ts'

/** How waiting ended. */
export type Turn =
  | { readonly kind: 'granted'; readonly lease: Lease }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'left' }
  /** The gate is closed: the call will never run. */
  | { readonly kind: 'closed' }

export type Entry =
  | Exclude<Turn, { kind: 'left' }>
  | {
      readonly kind: 'queued'
      /** Settles once: with a lease, a refusal, or because the caller left. Never rejects. */
      readonly turn: Promise<Turn>
      /**
       * The caller left: the place in the queue is free at once. False when the ticket did not wait any more: how its
       * waiting ended is on the way to whoever awaits the turn.
       */
      readonly leave: () => boolean
    }

export interface GateParts {
  readonly clock: Clock
  /** Luck: 0 <= n < 1. */
  readonly random: () => number
  readonly tell: LaneListener
  /** What a listener or a call's `stop` threw: an error of that one, of which nobody else's turn may depend. */
  readonly failed: (error: unknown) => void
}

export class Gate {
  readonly lane: Lane
  readonly #clock: Clock
  readonly #random: () => number
  readonly #failed: (error: unknown) => void
  readonly #waiting = new Map<Ticket, (turn: Turn) => void>()
  #timer: Timer | undefined
  #timerAtMs = Infinity
  #isClosed = false
  /** What the clock said of stops when it was last asked. */
  #stoppedMs: number

  constructor(settings: LaneSettings, parts: GateParts) {
    this.#clock = parts.clock
    this.#random = parts.random
    this.#failed = parts.failed
    this.#stoppedMs = parts.clock.stoppedMs()
    const tell: LaneListener = (event) => this.#try(parts.tell, event)
    this.lane = new Lane(settings, parts.clock.nowMs(), tell)
  }

  /** Asks for a lease; answers at once. `agentOf` is asked only where it decides something. */
  enter(want: Omit<Want, 'spread' | 'agent'> = {}): Entry {
    if (this.#isClosed) return { kind: 'closed' }
    const nowMs = this.#look()
    // What is due comes first, so that a stale ticket never costs a newcomer its place. Silent leases are the timer's
    // affair, which comes after the sockets were read.
    if (this.lane.wakeAtMs() <= nowMs) this.#pass(this.lane.refresh(nowMs))
    const agent = this.lane.door.takesAtOnce(nowMs) ? undefined : want.agentOf?.()
    const admission = this.lane.admit({ ...want, agent, spread: this.#random() }, nowMs)
    this.#arm(nowMs)
    if (admission.kind !== 'queued') return admission
    const { ticket, putOut } = admission
    if (putOut !== undefined) this.#answer(putOut.ticket, { kind: 'refused', refusal: putOut.refusal })
    const turn = new Promise<Turn>((resolve) => this.#waiting.set(ticket, resolve))
    return { kind: 'queued', turn, leave: () => this.#leave(ticket) }
  }

  /** A byte went by, in whichever direction. */
  renew(lease: Lease): void {
    lease.renewedAtMs = this.#clock.nowMs()
  }

  /** See Lane.accepted. */
  accepted(lease: Lease): void {
    const nowMs = this.#look()
    this.#pass(this.lane.accepted(lease, nowMs))
    this.#arm(nowMs)
  }

  settle(lease: Lease, end: LeaseEnd): void {
    const nowMs = this.#look()
    this.#pass(this.lane.settle(lease, end, nowMs))
    this.#arm(nowMs)
  }

  operate(order: ValveOrder): void {
    const nowMs = this.#look()
    this.#pass(this.lane.operate(order, nowMs))
    this.#arm(nowMs)
  }

  /** The fleet leaves so many slots to this lane. */
  cap(ceiling: Ceiling): void {
    const nowMs = this.#look()
    this.#pass(this.lane.cap(ceiling, nowMs))
    this.#arm(nowMs)
  }

  /** What the lane would use of the fleet's slots. */
  demand() {
    const { queueDepth } = this.lane.depths()
    return { ...this.lane.door.demand(this.#clock.nowMs()), queueDepth }
  }

  /** See Lane.askRetry. */
  askRetry(): ReturnType<Lane['askRetry']> {
    return this.lane.askRetry(this.#clock.nowMs())
  }

  reconfigure(settings: LaneSettings): void {
    const nowMs = this.#look()
    this.#pass(this.lane.reconfigure(settings, nowMs))
    this.#arm(nowMs)
  }

  /** Sends away what waits and stops the timer; nothing comes due any more. */
  close(): void {
    this.#isClosed = true
    for (const ticket of [...this.#waiting.keys()]) {
      if (this.lane.cancel(ticket, this.#clock.nowMs())) this.#answer(ticket, { kind: 'closed' })
    }
    this.#timer?.clear()
    this.#timer = undefined
    this.#timerAtMs = Infinity
  }

  #leave(ticket: Ticket): boolean {
    const isOut = this.lane.cancel(ticket, this.#clock.nowMs())
    if (isOut) this.#answer(ticket, { kind: 'left' })
    return isOut
  }

  /** The time now. A stop of the process is noticed before anything is concluded from the time that went by. */
  #look(): number {
    const nowMs = this.#clock.nowMs()
    const stoppedMs = this.#clock.stoppedMs()
    if (stoppedMs > this.#stoppedMs) this.lane.stopped(stoppedMs - this.#stoppedMs, nowMs)
    this.#stoppedMs = stoppedMs
    return nowMs
  }

  /** Stops before starts: a tool must not see the new call while the reclaimed one still runs. */
  #pass(moves: Moves): void {
    for (const lease of moves.reclaimed) this.#try(() => lease.stop?.(), undefined)
    for (const { ticket, refusal } of moves.refused) this.#answer(ticket, { kind: 'refused', refusal })
    for (const ticket of moves.granted) {
      if (ticket.lease !== undefined) this.#answer(ticket, { kind: 'granted', lease: ticket.lease })
    }
  }

  #try<T>(call: (given: T) => void, given: T): void {
    try {
      call(given)
    } catch (error) {
      this.#failed(error)
    }
  }

  #answer(ticket: Ticket, turn: Turn): void {
    const resolve = this.#waiting.get(ticket)
    this.#waiting.delete(ticket)
    resolve?.(turn)
  }

  /** One timer, never later than what is due first. One that is early costs a look and is set anew. */
  #arm(nowMs: number): void {
    const wakeAtMs = this.lane.wakeAtMs()
    if (wakeAtMs >= this.#timerAtMs || this.#isClosed) return
    this.#timer?.clear()
    this.#timerAtMs = wakeAtMs
    this.#timer = this.#clock.after(wakeAtMs - nowMs, () => {
      this.#timer = undefined
      this.#timerAtMs = Infinity
      const atMs = this.#look()
      this.#pass(this.lane.expire(atMs))
      this.#arm(atMs)
    })
  }
}
