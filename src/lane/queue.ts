/**
 * The bounded waiting line of one lane: the highest class first, in turns between the agents of a class, first in first out
 * for an agent, with every ticket's deadline known; and who has to go when somebody more important finds it full. Every operation costs O(1) or O(log n)
 * at any depth. Decides nothing about admission: its owner checks depth.
 */
import { Chain } from './chain.ts'
import { AgentQueues } from './agent-queues.ts'
import { DeadlineHeap } from './deadline-heap.ts'
import { isAbove, PRIORITIES } from './priority.ts'
import type { Priority } from './priority.ts'
import type { Ticket } from './ticket.ts'

/** The classes from the one that is shed first. */
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

  /** Takes out the ticket whose turn it is. */
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
   * The ticket that has to go so that one of class `priority` and this agent may come: of the lowest class below it, or
   * else of its own, the newest of the agent with the longest line. Of its own only if that line stays no shorter than
   * the newcomer's: otherwise the two would take each other's place for ever.
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

  /** Takes the ticket out wherever it stands; false when it is not in. */
  remove(ticket: Ticket): boolean {
    if (!this.#deadlines.remove(ticket)) return false
    if (ticket.arrival !== undefined) this.#arrivals.remove(ticket.arrival)
    this.#classes[ticket.priority].remove(ticket)
    ticket.arrival = undefined
    return true
  }
}
