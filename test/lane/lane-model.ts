/**
 * What a lane should do, said with plain arrays and no cleverness. The limit is the one thing it does not work out by
 * itself: it is told of each decision, and holds the lane to it.
 */
import type { Lease } from '../../src/lane/lease.ts'
import type { Ticket } from '../../src/lane/ticket.ts'
import { PRIORITIES } from '../../src/lane/priority.ts'
import type { Priority } from '../../src/lane/priority.ts'
import type { LaneReason } from '../../src/lane/reason.ts'
import type { LaneSettings } from '../../src/lane/settings.ts'
import type { ValveOrder } from '../../src/lane/valve.ts'

interface Held {
  readonly lease: Lease
  /** The longest silence it was ever allowed: a reload may shorten `leaseMs` while it runs. */
  allowedMs: number
}

interface Waiting {
  readonly ticket: Ticket
  readonly priority: Priority
  readonly queuedAtMs: number
  readonly dueAtMs: number
}

type Answer = 'granted' | 'queued' | LaneReason

const rank = (priority: Priority): number => PRIORITIES.indexOf(priority)

export class LaneModel {
  settings: LaneSettings
  limit: number
  /** Told by the lane; agreement.ts says when it must be so. */
  sheds = false
  /** In the order of arrival. */
  waiting: Waiting[] = []
  running: Held[] = []
  pausedUntilMs: number | undefined
  pin: { readonly limit: number; readonly untilMs: number } | undefined

  constructor(settings: LaneSettings) {
    this.settings = settings
    this.limit = settings.startConcurrent
  }

  get isPaused(): boolean {
    return this.pausedUntilMs !== undefined
  }

  answerToNewcomer(priority: Priority): Answer {
    if (this.isPaused) return 'LANE_PAUSED'
    if (this.waiting.length === 0 && this.running.length < this.limit) return 'granted'
    if (this.sheds && priority === 'low') return 'SHED_LOW_PRIORITY'
    const isFull = this.waiting.length >= this.settings.maxQueueDepth
    return isFull && this.leastWanted(priority) === undefined ? 'QUEUE_SATURATED' : 'queued'
  }

  /** Who has to leave a full queue: the newest of the lowest class, if that is below the newcomer's. */
  leastWanted(priority: Priority): Ticket | undefined {
    const lowest = Math.max(...this.waiting.map((waiting) => rank(waiting.priority)))
    if (!(lowest > rank(priority))) return undefined
    return this.waiting.findLast((waiting) => rank(waiting.priority) === lowest)?.ticket
  }

  /** A newcomer takes its place; returns who was put out for it. */
  enqueue(ticket: Ticket, priority: Priority, nowMs: number): Ticket | undefined {
    const isFull = this.waiting.length >= this.settings.maxQueueDepth
    const putOut = isFull ? this.leastWanted(priority) : undefined
    if (putOut !== undefined) this.leave(putOut)
    this.waiting.push({ ticket, priority, queuedAtMs: nowMs, dueAtMs: nowMs + this.settings.ttlMs })
    return putOut
  }

  start(lease: Lease): void {
    this.running.push({ lease, allowedMs: this.settings.leaseMs })
  }

  end(lease: Lease): boolean {
    const before = this.running.length
    this.running = this.running.filter((held) => held.lease !== lease)
    return this.running.length < before
  }

  leave(ticket: Ticket): boolean {
    const before = this.waiting.length
    this.waiting = this.waiting.filter((waiting) => waiting.ticket !== ticket)
    return this.waiting.length < before
  }

  /** Stale tickets go, then the highest classes get what is free, the oldest first: takes both out of the line and returns them. */
  handOver(nowMs: number): { readonly refused: Ticket[]; readonly granted: Ticket[] } {
    const stale = this.waiting.filter(({ dueAtMs }) => dueAtMs <= nowMs)
    const fresh = this.waiting.filter(({ dueAtMs }) => dueAtMs > nowMs)
    const free = this.isPaused ? 0 : Math.max(0, this.limit - this.running.length)
    const inTurn = fresh.toSorted((a, b) => rank(a.priority) - rank(b.priority))
    const granted = inTurn.slice(0, free)
    this.waiting = fresh.filter((waiting) => !granted.includes(waiting))
    return {
      refused: stale.map(({ ticket }) => ticket),
      granted: granted.map(({ ticket }) => ticket),
    }
  }

  obey(order: ValveOrder, nowMs: number): void {
    const untilMs = nowMs + (order.forMs ?? Infinity)
    if (order.limit === 'auto') this.pin = undefined
    else if (order.limit !== undefined) this.pin = { limit: order.limit, untilMs }
    if (order.paused !== undefined) this.pausedUntilMs = order.paused ? untilMs : undefined
  }

  endOrders(nowMs: number): void {
    if (this.pin !== undefined && this.pin.untilMs <= nowMs) this.pin = undefined
    if (this.pausedUntilMs !== undefined && this.pausedUntilMs <= nowMs) this.pausedUntilMs = undefined
  }

  reconfigure(settings: LaneSettings): void {
    this.settings = settings
    for (const held of this.running) held.allowedMs = Math.max(held.allowedMs, settings.leaseMs)
  }

  /** Milliseconds: nothing may be left undone longer than this. */
  mustWakeByMs(): number {
    return Math.min(
      ...this.waiting.map(({ dueAtMs }) => dueAtMs),
      ...this.running.map(({ lease, allowedMs }) => lease.renewedAtMs + allowedMs),
      this.pausedUntilMs ?? Infinity,
      this.pin?.untilMs ?? Infinity,
    )
  }
}
