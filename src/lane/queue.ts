/**
 * The bounded waiting line of one lane: first in, first out, with every ticket's deadline known. push, shift, remove
 * and the next deadline cost O(1) or O(log n) at any depth. Decides nothing about admission: its owner checks depth.
 */
import { DeadlineHeap } from './deadline-heap.ts'
import type { Due } from './deadline-heap.ts'
import type { Lease } from './lease.ts'

export type TicketState = 'waiting' | 'granted' | 'refused' | 'cancelled'

/** An admitted request that waits. It leaves `waiting` exactly once. */
export class Ticket implements Due {
  state: TicketState = 'waiting'
  /** Set when the ticket was granted. */
  lease: Lease | undefined = undefined
  /** Milliseconds: from this moment on the ticket never runs. */
  dueAtMs: number
  heapIndex = -1
  before: Ticket | undefined = undefined
  after: Ticket | undefined = undefined
  readonly queuedAtMs: number
  /** 0 <= spread < 1: this ticket's share of luck when it has to be told when to come back. */
  readonly spread: number

  constructor(queuedAtMs: number, dueAtMs: number, spread: number) {
    this.queuedAtMs = queuedAtMs
    this.dueAtMs = dueAtMs
    this.spread = spread
  }
}

export class Queue {
  readonly #deadlines = new DeadlineHeap<Ticket>()
  #first: Ticket | undefined
  #last: Ticket | undefined

  get depth(): number {
    return this.#deadlines.size
  }

  /** The ticket that has waited longest. */
  peek(): Ticket | undefined {
    return this.#first
  }

  /** The earliest deadline in milliseconds; Infinity when nothing waits. */
  nextDueAtMs(): number {
    return this.#deadlines.peek()?.dueAtMs ?? Infinity
  }

  push(ticket: Ticket): void {
    ticket.before = this.#last
    if (this.#last === undefined) this.#first = ticket
    else this.#last.after = ticket
    this.#last = ticket
    this.#deadlines.push(ticket)
  }

  /** Takes out the ticket that has waited longest. */
  shift(): Ticket | undefined {
    const ticket = this.#first
    if (ticket !== undefined) this.remove(ticket)
    return ticket
  }

  /** Takes out the ticket with the earliest deadline if that deadline has come. */
  shiftDue(nowMs: number): Ticket | undefined {
    const ticket = this.#deadlines.peek()
    if (ticket === undefined || ticket.dueAtMs > nowMs) return undefined
    this.remove(ticket)
    return ticket
  }

  /** Takes the ticket out wherever it stands; false when it is not in. */
  remove(ticket: Ticket): boolean {
    if (!this.#deadlines.remove(ticket)) return false
    if (ticket.before === undefined) this.#first = ticket.after
    else ticket.before.after = ticket.after
    if (ticket.after === undefined) this.#last = ticket.before
    else ticket.after.before = ticket.before
    ticket.before = undefined
    ticket.after = undefined
    return true
  }
}
