/**
 * A model of the lane made of plain arrays. It does not compute the limit: it is told of each decision and checks that the
 * lane keeps to it.
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
  /** The longest silence it was ever allowed: a reload may shorten `leaseMs` while it runs. */
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
  /** Told by the lane; agreement.ts says when it must be so. */
  sheds = false
  /** In the order of arrival. */
  waiting: Waiting[] = []
  /** Of each class, the agents that have somebody waiting, in the order of their turns. */
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

  /** Who may have to leave a full queue: the newest of each agent with the longest line, in the lowest class. */
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

  /** `ttlMs`: the caller's own, which can only shorten the lane's. */
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

  /** Stale tickets go, then what is free goes to those whose turn it is: takes both out of the line and returns them. */
  handOver(nowMs: number): { readonly refused: Ticket[]; readonly granted: Ticket[] } {
    const stale = this.waiting.filter(({ dueAtMs }) => dueAtMs <= nowMs).map(({ ticket }) => ticket)
    for (const ticket of stale) this.leave(ticket)
    const free = this.isPaused ? 0 : Math.max(0, this.limit - this.running.length)
    return { refused: stale, granted: Array.from({ length: free }, () => this.#takeTurn()).flat() }
  }

  /** The highest class, in it the agent whose turn it is, of that the oldest; or nobody. */
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
