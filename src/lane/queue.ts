/**
 * The queue of one lane: highest class first, round robin between the agents of a class, first in first out for one
 * agent. Knows the earliest deadline, and which ticket is evicted when a more important call finds the queue full. Every
 * operation costs O(1) or O(log n). Decides nothing about admission: its owner checks the depth.
 */
import { Chain } from './chain.ts'
import { AgentQueues } from './agent-queues.ts'
import { DeadlineHeap } from './deadline-heap.ts'
import { isAbove, PRIORITIES } from './priority.ts'
import type { Priority } from './priority.ts'
import type { Ticket } from './ticket.ts'

/** The classes, beginning with the one that is shed first. */
const LOWEST_FIRST = PRIORITIES.toReversed()

export class Queue {
  readonly #deadlines = new DeadlineHeap<Ticket>()
  readonly #arrivals = new Chain<Ticket>()
  readonly #classes: Readonly<Record<Priority, AgentQueues>> = {
    critical: new AgentQueues(),
    high: new AgentQueues(),
    normal: new AgentQueues(),
    low: new AgentQueues(),
  }

  get depth(): number {
    return this.#deadlines.size
  }

  /** Tickets of this class and those above it. */
  depthFrom(priority: Priority): number {
    let depth = 0
    for (const each of PRIORITIES) if (!isAbove(priority, each)) depth += this.#classes[each].depth
    return depth
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
    this.#classes[ticket.priority].push(ticket)
    this.#deadlines.push(ticket)
  }

  /** Takes out the ticket that is next. */
  shift(): Ticket | undefined {
    for (const priority of PRIORITIES) {
      const ticket = this.#classes[priority].takeTurn()
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

  /**
   * The ticket that is evicted for a newcomer of class `priority` and this agent: the newest ticket of the agent with the
   * longest queue, in the lowest class below the newcomer's, or else in the newcomer's own class. In its own class only if
   * that agent then still has at least as many tickets as the newcomer's: otherwise two agents would evict each other for
   * ever.
   */
  leastWanted(priority: Priority, agent: string): Ticket | undefined {
    for (const lowest of LOWEST_FIRST) {
      const line = this.#classes[lowest]
      if (isAbove(priority, lowest)) {
        const ticket = line.newestOfLongest()
        if (ticket !== undefined) return ticket
      } else return line.longest > line.lengthOf(agent) + 1 ? line.newestOfLongest() : undefined
    }
    return undefined
  }

  /** Takes the ticket out wherever it stands; false when it is not in the queue. */
  remove(ticket: Ticket): boolean {
    if (!this.#deadlines.remove(ticket)) return false
    if (ticket.arrival !== undefined) this.#arrivals.remove(ticket.arrival)
    this.#classes[ticket.priority].remove(ticket)
    ticket.arrival = undefined
    return true
  }
}
