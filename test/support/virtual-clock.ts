/**
 * A clock that a test advances by hand. Timers fire in the order in which they are due, and those due together in the order
 * in which they were set; while one runs, `nowMs` is the time at which it was due. The clock does not wait for promises: a
 * test that needs their reactions awaits them between two steps.
 */
import type { Clock, Timer } from '../../src/time/clock.ts'
import { EventHeap } from './event-heap.ts'

/** More timers than this at the same time are reported as a loop. */
const MOST_AT_ONE_MOMENT = 10_000

interface Armed {
  readonly wake: () => void
  isSet: boolean
}

export interface VirtualClockStart {
  readonly nowMs?: number
  readonly wallMs?: number
}

export class VirtualClock implements Clock {
  #nowMs: number
  readonly #wallAheadMs: number
  #stoppedMs = 0
  readonly #armed = new EventHeap<Armed>()
  #timers = 0

  constructor(start: VirtualClockStart = {}) {
    this.#nowMs = start.nowMs ?? 0
    this.#wallAheadMs = (start.wallMs ?? Date.UTC(2026, 0, 1)) - this.#nowMs
  }

  /** How many timers are set. */
  get timers(): number {
    return this.#timers
  }

  // Arrow functions, so that a method can be passed on without its clock.
  readonly nowMs = (): number => this.#nowMs

  readonly wallMs = (): number => this.#nowMs + this.#wallAheadMs

  readonly after = (delayMs: number, wake: () => void): Timer => {
    const armed: Armed = { wake, isSet: true }
    this.#armed.push(this.#nowMs + Math.max(0, delayMs), armed)
    this.#timers++
    return { clear: () => this.#disarm(armed) }
  }

  readonly stoppedMs = (): number => this.#stoppedMs

  /** The process stands still: time passes without a timer; those that came due fire late, at the next advance. */
  stop(ms: number): void {
    this.#nowMs += ms
    this.#stoppedMs += ms
  }

  /** The time of the next timer, in milliseconds; Infinity when none is set. */
  nextDueAtMs(): number {
    return this.#first()?.atMs ?? Infinity
  }

  /** Lets `ms` milliseconds pass and runs the timers that come due, including those set meanwhile. */
  advance(ms: number): void {
    this.advanceTo(this.#nowMs + ms)
  }

  advanceTo(targetMs: number): void {
    if (!(targetMs >= this.#nowMs)) throw new RangeError(`time cannot go from ${this.#nowMs} to ${targetMs}`)
    let atThisMoment = 0
    for (let next = this.#first(); next && next.atMs <= targetMs; next = this.#first()) {
      atThisMoment = next.atMs > this.#nowMs ? 1 : atThisMoment + 1
      if (atThisMoment > MOST_AT_ONE_MOMENT)
        throw new Error(`timers spin at ${this.#nowMs} ms: time cannot go on`)
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      this.#disarm(next.item)
      next.item.wake()
    }
    this.#nowMs = targetMs
  }

  #disarm(armed: Armed): void {
    if (armed.isSet) this.#timers--
    armed.isSet = false
  }

  /** The timer that fires next; cleared ones are dropped. */
  #first(): ReturnType<EventHeap<Armed>['peek']> {
    for (;;) {
      const first = this.#armed.peek()
      if (first === undefined || first.item.isSet) return first
      this.#armed.shift()
    }
  }
}
