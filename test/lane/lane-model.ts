/**
 * A model of the lane made of plain arrays. It does not compute the limit: it takes each decision of the lane over, and the
 * comparison checks that the lane keeps to it.
 */
import type { Lease } from '../../src/lane/lease.ts'
import type { Ticket } from '../../src/lane/ticket.ts'
import { PRIORITIES } from '../../src/lane/priority.ts'
import type { Priority } from '../../src/lane/priority.ts'
import type { LaneReason } from '../../src/lane/reason.ts'
import type { LaneSettings } from '../../src/lane/settings.ts'
import type { OverrideOrder } from '../../src/lane/operator-override.ts'

interface Held {
  readonly lease: Lease
  /** The longest `leaseMs` since the lease began: a reload that shortens it does not count for running leases. */
  allowedMs: number
}

interface Waiting {
  readonly ticket: Ticket
  readonly priority: Priority
  readonly agent: string
  readonly queuedAtMs: number
  readonly dueAtMs: number
}

type Answer = 'granted' | 'queued' | LaneReason

const rank = (priority: Priority): number => PRIORITIES.indexOf(priority)

export class LaneModel {
  settings: LaneSettings
  limit: number
  /** Taken over from the events of the lane; agreement.ts checks it where it is certain. */
  sheds = false
  /** In the order of arrival. */
  waiting: Waiting[] = []
  /** The agents of each class that have a waiting ticket, in the order of their turns. */
  readonly turns: Record<Priority, string[]> = { critical: [], high: [], normal: [], low: [] }
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

  answerToNewcomer(priority: Priority, agent: string): Answer {
    if (this.isPaused) return 'LANE_PAUSED'
    if (this.waiting.length === 0 && this.running.length < this.limit) return 'granted'
    if (this.sheds && priority === 'low') return 'SHED_LOW_PRIORITY'
    return this.isFull && this.leastWanted(priority, agent).length === 0 ? 'QUEUE_SATURATED' : 'queued'
  }

  get isFull(): boolean {
    return this.waiting.length >= this.settings.maxQueueDepth
  }

  /** The tickets that may be evicted: in the lowest class, the newest of each agent with the most tickets. */
  leastWanted(priority: Priority, agent: string): Ticket[] {
    const lowest = Math.max(...this.waiting.map((waiting) => rank(waiting.priority)))
    if (lowest < rank(priority)) return []
    const line = this.waiting.filter((waiting) => rank(waiting.priority) === lowest)
    const lengthOf = (of: string): number => line.filter((waiting) => waiting.agent === of).length
    const agents = [...new Set(line.map((waiting) => waiting.agent))]
    const longest = Math.max(...agents.map(lengthOf))
    if (lowest === rank(priority) && longest <= lengthOf(agent) + 1) return []
    return agents
      .filter((each) => lengthOf(each) === longest)
      .flatMap((each) => line.findLast((waiting) => waiting.agent === each)?.ticket ?? [])
  }

  /** `ttlMs` is the caller's own; it can only shorten that of the lane. */
  enqueue(ticket: Ticket, ttlMs: number | undefined, nowMs: number): void {
    const { priority, agent } = ticket
    if (!this.turns[priority].includes(agent)) this.turns[priority].push(agent)
    this.waiting.push({
      ticket,
      priority,
      agent,
      queuedAtMs: nowMs,
      dueAtMs: nowMs + Math.min(ttlMs ?? Infinity, this.settings.ttlMs),
    })
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
    this.#forgetAgents()
    return this.waiting.length < before
  }

  /** Takes tickets past their deadline out of the queue, then one ticket for each free slot, and returns both. */
  handOver(nowMs: number): { readonly refused: Ticket[]; readonly granted: Ticket[] } {
    const stale = this.waiting.filter(({ dueAtMs }) => dueAtMs <= nowMs).map(({ ticket }) => ticket)
    for (const ticket of stale) this.leave(ticket)
    const free = this.isPaused ? 0 : Math.max(0, this.limit - this.running.length)
    return { refused: stale, granted: Array.from({ length: free }, () => this.#takeTurn()).flat() }
  }

  /** The oldest ticket of the agent whose turn it is in the highest class; none if the queue is empty. */
  #takeTurn(): Ticket[] {
    const priority = PRIORITIES.find((each) => this.turns[each].length > 0)
    if (priority === undefined) return []
    const agent = this.turns[priority].shift() ?? ''
    this.turns[priority].push(agent)
    const next = this.waiting.find((waiting) => waiting.priority === priority && waiting.agent === agent)
    if (next === undefined) return []
    this.leave(next.ticket)
    return [next.ticket]
  }

  #forgetAgents(): void {
    for (const priority of PRIORITIES) {
      this.turns[priority] = this.turns[priority].filter((agent) =>
        this.waiting.some((waiting) => waiting.priority === priority && waiting.agent === agent),
      )
    }
  }

  obey(order: OverrideOrder, nowMs: number): void {
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

  /** The earliest time, in milliseconds, at which a ticket, a lease or an override is due. */
  mustWakeByMs(): number {
    return Math.min(
      ...this.waiting.map(({ dueAtMs }) => dueAtMs),
      ...this.running.map(({ lease, allowedMs }) => lease.renewedAtMs + allowedMs),
      this.pausedUntilMs ?? Infinity,
      this.pin?.untilMs ?? Infinity,
    )
  }
}
