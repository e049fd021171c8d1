/**
 * An admitted request that waits. It leaves `waiting` exactly once. Decides nothing; queue.ts knows where it stands.
 */
import type { Link } from './chain.ts'
import type { Due } from './deadline-heap.ts'
import type { Lease } from './lease.ts'
import type { Refusal } from './effects.ts'
import type { Priority } from './priority.ts'

export type TicketState = 'waiting' | 'granted' | 'refused' | 'cancelled'

/** The call that waits, as the lane's owner knows it. The lane only carries it: its owner passes on what was decided. */
export interface Waiter {
  granted(lease: Lease): void
  refused(refusal: Refusal): void
}

export interface TicketFacts {
  readonly queuedAtMs: number
  readonly dueAtMs: number
  readonly spread: number
  readonly priority: Priority
  /** Opaque; the same for all where nobody tells agents apart. */
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
  /** Milliseconds: from this moment on the ticket never runs. */
  dueAtMs: number
  heapIndex = -1
  /** Its places in the line of all tickets and in that of its class and agent; the queue's. */
  arrival: Link<Ticket> | undefined = undefined
  place: Link<Ticket> | undefined = undefined
  readonly queuedAtMs: number
  /** 0 <= spread < 1: this ticket's random number, for the time to come back that a refusal tells. */
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
