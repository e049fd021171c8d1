/**
 * The input and output of the core: a call that asks for a lease, the answer to it, and the effects of an act of the lane
 * on other calls. Contracts only.
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
  /** Milliseconds for which the tool itself asked callers to wait. Only with UPSTREAM_THROTTLED. */
  readonly toolWaitMs?: number | undefined
}

/** A ticket that will not run, and the refusal for its caller. */
export interface Refused {
  readonly ticket: Ticket
  readonly refusal: Refusal
}

/** A call that asks for a lease. */
export interface Want {
  /** A random number, 0 <= spread < 1. */
  readonly spread: number
  /** As `priorityIn` gives it; `normal` when left out. */
  readonly priority?: Priority | undefined
  /** Milliseconds that the caller is willing to wait; can only shorten the lane's TTL. */
  readonly ttlMs?: number | undefined
  /** Milliseconds of silence after which this lease is reclaimed; the lane's setting when left out. */
  readonly leaseMs?: number | undefined
  /** The agent, for fairness; calls without one share a queue. */
  readonly agent?: string | undefined
  /** Names the agent when it is needed, which may be later or never; kept while the call waits and runs. */
  readonly agentOf?: (() => string | undefined) | undefined
  /** Stored on the ticket if the call has to wait. */
  readonly waiter?: Waiter | undefined
}

export type AdmissionResult =
  | { readonly kind: 'granted'; readonly lease: Lease }
  /** `putOut`: the ticket that was evicted from the full queue for this one. */
  | { readonly kind: 'queued'; readonly ticket: Ticket; readonly putOut: Refused | undefined }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

/** What an act of the lane did to other calls; the gate passes it on. */
export interface Effects {
  /** Leases that went silent. Their calls must be stopped before a call granted here begins. */
  readonly reclaimed: readonly Lease[]
  readonly refused: readonly Refused[]
  /** Tickets that now hold a lease. */
  readonly granted: readonly Ticket[]
}

export const NO_EFFECTS: Effects = Object.freeze({ reclaimed: [], refused: [], granted: [] })
