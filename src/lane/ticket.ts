/**
 * An admitted call that waits. It leaves `waiting` exactly once. Decides nothing; queue.ts knows its place.
 */
import type { Link } from './chain.ts'
import type { Due } from './deadline-heap.ts'
import type { Lease } from './lease.ts'
import type { Refusal } from './effects.ts'
import type { Priority } from './priority.ts'

export type TicketState = 'waiting' | 'granted' | 'refused' | 'cancelled'

/** The waiting call as the gate knows it. The lane stores it with the ticket and never calls it; the gate does. */
export interface Waiter {
  granted(lease: Lease): void
  refused(refusal: Refusal): void
}

export interface TicketFacts {
  readonly queuedAtMs: number
  readonly dueAtMs: number
  readonly spread: number
  readonly priority: Priority
  /** Opaque; the same for all calls where agents are not told apart. */
  readonly agent: string
  /** Milliseconds; see Want. */
  readonly leaseMs: number | undefined
  readonly agentOf?: (() => string | undefined) | undefined
  readonly waiter?: Waiter | undefined
}

export class Ticket implements Due {
  state: TicketState = 'waiting'
  /** Set when the ticket was granted. */
  lease: Lease | undefined = undefined
  /** Milliseconds on the clock: from then on the ticket never runs. */
  dueAtMs: number
  heapIndex = -1
  /** Its links in the chain of all tickets and in that of its class and agent; only the queue writes them. */
  arrival: Link<Ticket> | undefined = undefined
  place: Link<Ticket> | undefined = undefined
  readonly queuedAtMs: number
  /** 0 <= spread < 1: this ticket's random number, which spreads the times to come back in refusals. */
  readonly spread: number
  readonly priority: Priority
  readonly agent: string
  readonly leaseMs: number | undefined
  readonly agentOf: (() => string | undefined) | undefined
  readonly waiter: Waiter | undefined

  constructor({ queuedAtMs, dueAtMs, spread, priority, agent, leaseMs, agentOf, waiter }: TicketFacts) {
    this.queuedAtMs = queuedAtMs
    this.dueAtMs = dueAtMs
    this.spread = spread
    this.priority = priority
    this.agent = agent
    this.leaseMs = leaseMs
    this.agentOf = agentOf
    this.waiter = waiter
  }
}
