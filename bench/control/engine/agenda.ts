/**
 * The virtual clock of the simulation: events in order of time, and among equal times in the order in which they were
 * added. An event cannot be removed; its callback has to ignore it.
 */
import type { Clock } from '../../../src/time/clock.ts'
import { EventHeap } from '../../../test/support/event-heap.ts'

export class Agenda {
  readonly #events = new EventHeap<() => void>()
  #nowMs = 0

  get nowMs(): number {
    return this.#nowMs
  }

  /** The same clock in the form that src uses. */
  readonly clock: Clock = {
    nowMs: () => this.#nowMs,
    wallMs: () => this.#nowMs,
    stoppedMs: () => 0,
    after: (delayMs, wake) => {
      let isSet = true
      this.at(this.#nowMs + Math.max(0, delayMs), () => {
        if (isSet) wake()
      })
      return { clear: () => void (isSet = false) }
    },
  }

  at(atMs: number, run: () => void): void {
    this.#events.push(Math.max(atMs, this.#nowMs), run)
  }

  /** Runs all events up to and including `endMs`. */
  runUntil(endMs: number): void {
    const events = this.#events
    for (let first = events.peek(); first !== undefined && first.atMs <= endMs; first = events.peek()) {
      events.shift()
      this.#nowMs = first.atMs
      first.item()
    }
    this.#nowMs = endMs
  }
}
