/**
 * What goes into the core and what comes out of it: a call that wants a lease, and everything that a decision set in
 * motion. Contracts only.
 */
import type { Depths } from './event.ts'
import type { Lease } from './lease.ts'
import type { Priority } from './priority.ts'
import type { LaneReason } from './reason.ts'
import type { Ticket, Waiter } from './ticket.ts'

export interface Refusal {
  readonly reason: LaneReason
  readonly retryAfterMs: number
  readonly depths: Depths
  /** Milliseconds for which the tool itself asked to be left alone. Only with UPSTREAM_THROTTLED. */
  readonly toolWaitMs?: number | undefined
}

/** A ticket that does not run, and what its caller is told. */
export interface Refused {
  readonly ticket: Ticket
  readonly refusal: Refusal
}

/** What the lane has to know of a call that asks for a lease. */
export interface Want {
  /** A random number, 0 <= spread < 1. */
  readonly spread: number
  /** As `priorityIn` gives it; `normal` when left out. */
  readonly priority?: Priority | undefined
  /** Milliseconds that the caller will wait by its own word: it can only shorten the lane's TTL. */
  readonly ttlMs?: number | undefined
  /** Milliseconds of silence after which this lease is taken back; the lane's own when left out. */
  readonly leaseMs?: number | undefined
  /** Who calls, for fairness; left out, it shares a line with all others that are nobody. */
  readonly agent?: string | undefined
  /** The same for what may be asked later, or never; kept while the call waits and runs. */
  readonly agentOf?: (() => string | undefined) | undefined
  /** Goes with the ticket, should the call have to wait. */
  readonly waiter?: Waiter | undefined
}

export type AdmissionResult =
  | { readonly kind: 'granted'; readonly lease: Lease }
  /** `putOut` had to leave the full queue for this ticket. */
  | { readonly kind: 'queued'; readonly ticket: Ticket; readonly putOut: Refused | undefined }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

/** Everything that one call to the lane set in motion, for the gate to pass on. */
export interface Effects {
  /** Leases that went silent: whoever runs them must stop before anything granted here begins. */
  readonly reclaimed: readonly Lease[]
  readonly refused: readonly Refused[]
  /** Tickets that hold a lease from now on. */
  readonly granted: readonly Ticket[]
}

export const NO_EFFECTS: Effects = Object.freeze({ reclaimed: [], refused: [], granted: [] })
