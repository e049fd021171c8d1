/**
 * The bounded waiting line of one lane: the highest class first, first in first out within a class, with every ticket's
 * deadline known; and who has to go when somebody more important finds it full. Every operation costs O(1) or O(log n)
 * at any depth. Decides nothing about admission: its owner checks depth.
 */
import { Chain } from './chain.ts'
import { DeadlineHeap } from './deadline-heap.ts'
import { isAbove, PRIORITIES } from './priority.ts'
import type { Priority } from './priority.ts'
import type { Ticket } from './ticket.ts'

type Classes = Readonly<Record<Priority, Chain<Ticket>>>

/** The classes from the one that is shed first. */
const LOWEST_FIRST = PRIORITIES.toReversed()

export class Queue {
  readonly #deadlines = new DeadlineHeap<Ticket>()
  readonly #arrivals = new Chain<Ticket>()
  readonly #classes: Classes = {
    critical: new Chain(),
    high: new Chain(),
    normal: new Chain(),
    low: new Chain(),
  }

  get depth(): number {
    return this.#deadlines.size
  }

  /** The ticket that has waited longest, whatever its class. */
  oldest(): Ticket | undefined {
    return this.#arrivals.first
  }

  /** The earliest deadline in milliseconds; Infinity when nothing waits. */
  nextDueAtMs(): number {
    return this.#deadlines.peek()?.dueAtMs ?? Infinity
  }

  push(ticket: Ticket): void {
    ticket.arrival = this.#arrivals.push(ticket)
    ticket.place = this.#classes[ticket.priority].push(ticket)
    this.#deadlines.push(ticket)
  }

  /** Takes out the ticket whose turn it is. */
  shift(): Ticket | undefined {
    for (const priority of PRIORITIES) {
      const ticket = this.#classes[priority].first
      if (ticket === undefined) continue
      this.remove(ticket)
      return ticket
    }
    return undefined
  }

  /** Takes out the ticket with the earliest deadline if that deadline has come. */
  shiftDue(nowMs: number): Ticket | undefined {
    const ticket = this.#deadlines.peek()
    if (ticket === undefined || ticket.dueAtMs > nowMs) return undefined
    this.remove(ticket)
    return ticket
  }

  /** The ticket that has to go so that one of class `priority` may come: the newest of the lowest class below it. */
  leastWanted(priority: Priority): Ticket | undefined {
    for (const lowest of LOWEST_FIRST) {
      if (!isAbove(priority, lowest)) return undefined
      const ticket = this.#classes[lowest].last
      if (ticket !== undefined) return ticket
    }
    return undefined
  }

  /** Takes the ticket out wherever it stands; false when it is not in. */
  remove(ticket: Ticket): boolean {
    if (!this.#deadlines.remove(ticket)) return false
    if (ticket.arrival !== undefined) this.#arrivals.remove(ticket.arrival)
    if (ticket.place !== undefined) this.#classes[ticket.priority].remove(ticket.place)
    ticket.arrival = undefined
    ticket.place = undefined
    return true
  }
}
