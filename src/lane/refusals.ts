/**
 * Makes refusals, each with its reason and the time to come back, and takes tickets that will not run out of the queue.
 * admission.ts decides which newcomers are refused.
 */
import type { Refusal, Refused } from './effects.ts'
import type { WaitEstimator } from './wait-estimator.ts'
import type { ReadParts } from './parts.ts'
import type { Priority } from './priority.ts'
import type { LaneReason } from './reason.ts'
import type { Ticket } from './ticket.ts'

export class Refusals {
  readonly #parts: ReadParts
  readonly #estimator: WaitEstimator

  constructor(parts: ReadParts, estimator: WaitEstimator) {
    this.#parts = parts
    this.#estimator = estimator
  }

  /** `calls`: how many should have started together. `spread` is a random number, 0 <= spread < 1. */
  because(reason: LaneReason, at: { spread: number; nowMs: number; calls?: number }): Refusal {
    const { spread, nowMs, calls = 1 } = at
    const { queue, running, limitControl, settings } = this.#parts
    const { retryAfter: bounds } = settings
    const retryAfterMs = this.#estimator.retryAfterMs(reason, { bounds, calls, spread, nowMs })
    const toolWaitMs = reason === 'UPSTREAM_THROTTLED' ? this.#estimator.toolWaitMs(nowMs) : undefined
    const depths = { queueDepth: queue.depth, active: running.active, limit: limitControl.limit }
    return { reason, retryAfterMs, depths, toolWaitMs }
  }

  /** Evicts a ticket from the full queue for a newcomer of this class. */
  putOut(ticket: Ticket, priority: Priority, nowMs: number): Refused {
    this.#parts.queue.remove(ticket)
    return this.#refuse(ticket, ticket.priority === priority ? 'QUEUE_SATURATED' : 'SHED_LOW_PRIORITY', nowMs)
  }

  /** Tickets whose TTL has ended, or will end before the tool may be called again. */
  stale(nowMs: number): Refused[] {
    const { limitControl, throttle } = this.#parts
    const refused = this.#dueBy(nowMs, 'QUEUE_TTL_EXPIRED', nowMs)
    if (limitControl.isShut) refused.push(...this.#dueBy(Infinity, 'STORE_UNAVAILABLE', nowMs))
    const { closedUntilMs } = throttle
    if (closedUntilMs > nowMs) refused.push(...this.#dueBy(closedUntilMs, 'UPSTREAM_THROTTLED', nowMs))
    return refused
  }

  /** All waiting tickets. */
  everybody(reason: LaneReason, nowMs: number): Refused[] {
    return this.#dueBy(Infinity, reason, nowMs)
  }

  #dueBy(dueMs: number, reason: LaneReason, nowMs: number): Refused[] {
    const { queue } = this.#parts
    const refused: Refused[] = []
    for (let due = queue.shiftDue(dueMs); due; due = queue.shiftDue(dueMs))
      refused.push(this.#refuse(due, reason, nowMs))
    return refused
  }

  #refuse(ticket: Ticket, reason: LaneReason, nowMs: number): Refused {
    ticket.state = 'refused'
    return { ticket, refusal: this.because(reason, { spread: ticket.spread, nowMs }) }
  }
}
