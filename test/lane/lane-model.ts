/**
 * What a lane should do, said with plain arrays and no cleverness. The limit is the one thing it does not work out by
 * itself: it is told of each decision, and holds the lane to it.
 */
import type { Lease } from '../../src/lane/lease.ts'
import type { Ticket } from '../../src/lane/queue.ts'
import type { LaneSettings } from '../../src/lane/settings.ts'
import type { ValveOrder } from '../../src/lane/valve.ts'

interface Held {
  readonly lease: Lease
  /** The longest silence it was ever allowed: a reload may shorten `leaseMs` while it runs. */
  allowedMs: number
}

export class LaneModel {
  settings: LaneSettings
  limit: number
  waiting: { readonly ticket: Ticket; readonly queuedAtMs: number; readonly dueAtMs: number }[] = []
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

  answerToNewcomer(): 'granted' | 'queued' | 'QUEUE_SATURATED' | 'LANE_PAUSED' {
    if (this.isPaused) return 'LANE_PAUSED'
    if (this.waiting.length === 0 && this.running.length < this.limit) return 'granted'
    return this.waiting.length < this.settings.maxQueueDepth ? 'queued' : 'QUEUE_SATURATED'
  }

  enqueue(ticket: Ticket, nowMs: number): void {
    this.waiting.push({ ticket, queuedAtMs: nowMs, dueAtMs: nowMs + this.settings.ttlMs })
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

  /** Stale tickets go, then the oldest get what is free: takes both out of the line and returns them. */
  handOver(nowMs: number): { readonly refused: Ticket[]; readonly granted: Ticket[] } {
    const stale = this.waiting.filter(({ dueAtMs }) => dueAtMs <= nowMs)
    const fresh = this.waiting.filter(({ dueAtMs }) => dueAtMs > nowMs)
    const free = this.isPaused ? 0 : Math.max(0, this.limit - this.running.length)
    this.waiting = fresh.slice(free)
    return {
      refused: stale.map(({ ticket }) => ticket),
      granted: fresh.slice(0, free).map(({ ticket }) => ticket),
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
