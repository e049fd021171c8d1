/**
 * Plays a history of random operations on a lane and on its model, and compares the two after every operation. Records
 * events, grants and ends for properties over the whole history.
 */
import assert from 'node:assert/strict'
import type { LaneEvent } from '../../src/lane/event.ts'
import { Lane } from '../../src/lane/lane.ts'
import type { Effects, Refused } from '../../src/lane/effects.ts'
import type { Priority } from '../../src/lane/priority.ts'
import type { LaneReason } from '../../src/lane/reason.ts'
import type { Lease, LeaseEnd } from '../../src/lane/lease.ts'
import type { Ticket } from '../../src/lane/ticket.ts'
import type { LaneSettings } from '../../src/lane/settings.ts'
import { checkRefusal, compare } from './agreement.ts'
import type { Operation } from './histories.ts'
import { LaneModel } from './lane-model.ts'

type NewWant = Extract<Operation, { do: 'admit' }>

export class History {
  readonly lane: Lane
  readonly model: LaneModel
  nowMs: number
  readonly events: LaneEvent[] = []
  readonly tickets: Ticket[] = []
  readonly ended: Lease[] = []
  readonly grants: { readonly ticket: Ticket; readonly dueAtMs: number; readonly atMs: number }[] = []
  /** How each ticket left the queue; more than one entry means that its end was reported more than once. */
  readonly fates = new Map<Ticket, string[]>()

  constructor(settings: LaneSettings, startMs = 0) {
    this.nowMs = startMs
    this.model = new LaneModel(settings)
    this.lane = new Lane(settings, startMs, (event) => this.#hear(event))
  }

  play(operations: readonly Operation[]): this {
    for (const operation of operations) {
      this.#step(operation)
      compare(this.lane, this.model, this.nowMs)
    }
    return this
  }

  /** Ends every override and every lease, until the lane is empty. */
  finish(): this {
    const end: LeaseEnd = { cause: 'completed', verdict: 'ok', latencyMs: 1 }
    this.play([{ do: 'operate', order: { limit: 'auto', paused: false } }])
    while (!this.lane.isIdle()) this.play([{ do: 'settle', pick: 0, end }])
    return this
  }

  told(kind: LaneEvent['kind']): number {
    return this.events.filter((event) => event.kind === kind).length
  }

  fate(wanted: string): number {
    return [...this.fates.values()].flat().filter((fate) => fate === wanted).length
  }

  #step(operation: Operation): void {
    switch (operation.do) {
      case 'admit':
        return this.#admit(operation)
      case 'settle':
        return this.#settle(operation)
      case 'settle again':
        return this.#settleAgain(operation)
      case 'cancel':
        return this.#cancel(operation.pick)
      case 'renew':
      case 'stall':
        return this.#touch(operation.do, operation.pick)
      case 'wait':
        return void (this.nowMs += operation.ms)
      case 'expire':
        return this.#expire()
      case 'wake':
        if (Number.isFinite(this.lane.wakeAtMs())) this.nowMs = Math.max(this.nowMs, this.lane.wakeAtMs())
        return this.#expire()
      case 'operate':
        this.model.obey(operation.order, this.nowMs)
        return this.#follow(this.lane.operate(operation.order, this.nowMs))
      case 'reconfigure':
        this.model.reconfigure(operation.settings)
        return this.#follow(this.lane.reconfigure(operation.settings, this.nowMs))
      default:
        operation satisfies never
    }
  }

  #admit(want: NewWant): void {
    const before = { sheds: this.model.sheds, heard: this.events.length, depth: this.model.waiting.length }
    const answer = this.lane.admit(want, this.nowMs)
    const { sheds } = this.model
    this.model.sheds = this.#shedAtTheDoor(before)
    const expected = this.model.answerToNewcomer(want.priority, want.agent)
    this.model.sheds = sheds
    const reason = answer.kind === 'refused' ? answer.refusal.reason : answer.kind
    // The model has no estimate of the wait. It knows only when the lane must not have one, either.
    if (reason === 'DEADLINE_UNREACHABLE') {
      assert.equal(expected, 'queued')
      assert.ok(
        this.model.running.length >= this.model.limit && this.ended.length > 0,
        'a lane without measurements or with a free slot refused a deadline',
      )
    } else assert.equal(reason, expected)
    if (answer.kind === 'granted') this.model.start(answer.lease)
    else if (answer.kind === 'refused') checkRefusal(answer.refusal, this.model)
    else {
      this.tickets.push(answer.ticket)
      this.#putOut(want, answer.putOut)
      this.model.enqueue(answer.ticket, want.ttlMs, this.nowMs)
      const most = Math.max(before.depth, this.model.settings.maxQueueDepth)
      assert.ok(this.lane.depths().queueDepth <= most, 'the queue is over its bound')
    }
  }

  #putOut(want: { priority: Priority; agent: string }, putOut: Refused | undefined): void {
    const { isFull } = this.model
    assert.equal(putOut !== undefined, isFull)
    if (putOut === undefined) return
    const { ticket } = putOut
    assert.ok(
      this.model.leastWanted(want.priority, want.agent).includes(ticket),
      'the wrong ticket was evicted',
    )
    this.model.leave(ticket)
    this.#refused(putOut, ticket.priority === want.priority ? 'QUEUE_SATURATED' : 'SHED_LOW_PRIORITY')
  }

  /** Whether low calls were shed when the newcomer was judged. Its own effect on the shedding comes after `admitted`. */
  #shedAtTheDoor(before: { sheds: boolean; heard: number }): boolean {
    let { sheds } = before
    for (const event of this.events.slice(before.heard)) {
      if (event.kind === 'admitted') break
      if (event.kind === 'shedding') sheds = event.isOn
    }
    return sheds
  }

  #refused({ ticket, refusal }: Refused, reason: LaneReason): void {
    this.#mark(ticket, 'refused')
    assert.equal(refusal.reason, reason)
    checkRefusal(refusal, this.model)
  }

  #settle({ pick, end }: { pick: number; end: LeaseEnd }): void {
    const held = this.model.running[pick % this.model.running.length]
    if (held === undefined) return
    this.model.end(held.lease)
    const moves = this.lane.settle(held.lease, end, this.nowMs)
    assert.equal(held.lease.state, end.cause)
    this.ended.push(held.lease)
    this.#follow(moves)
  }

  #settleAgain({ pick, end }: { pick: number; end: LeaseEnd }): void {
    const lease = this.ended[pick % this.ended.length]
    if (lease === undefined) return
    const [state, heard] = [lease.state, this.events.length]
    const moves = this.lane.settle(lease, end, this.nowMs)
    assert.deepEqual(moves, { reclaimed: [], refused: [], granted: [] })
    assert.deepEqual(this.events.slice(heard), [{ kind: 'ended_twice' }])
    assert.equal(lease.state, state)
  }

  #cancel(pick: number): void {
    const ticket = this.tickets[pick % this.tickets.length]
    if (ticket === undefined) return
    const waits = this.model.leave(ticket)
    assert.equal(this.lane.cancel(ticket, this.nowMs), waits)
    if (waits) this.#mark(ticket, 'cancelled')
  }

  #touch(how: 'renew' | 'stall', pick: number): void {
    const lease = this.model.running[pick % this.model.running.length]?.lease
    if (lease === undefined) return
    if (how === 'renew') lease.renewedAtMs = this.nowMs
    lease.waitsFor = how === 'renew' ? 'tool' : 'caller'
  }

  #expire(): void {
    this.model.endOrders(this.nowMs)
    const moves = this.lane.expire(this.nowMs)
    for (const lease of moves.reclaimed) {
      assert.ok(this.model.end(lease), 'a reclaimed lease does not run in the model')
      assert.equal(lease.state, 'reclaimed')
      assert.ok(
        lease.renewedAtMs + this.model.settings.leaseMs <= this.nowMs,
        'a lease was reclaimed too early',
      )
      this.ended.push(lease)
    }
    this.#follow({ ...moves, reclaimed: [] })
    assert.ok(this.model.mustWakeByMs() > this.nowMs, 'something that is due was left undone')
    assert.ok(this.lane.wakeAtMs() > this.nowMs, 'a timer loop would spin')
  }

  /** Lets the model hand over its slots, and compares. The reclaimed leases have already left both. */
  #follow(moves: Effects): void {
    const expected = this.model.handOver(this.nowMs)
    const place = (ticket: Ticket): number => this.tickets.indexOf(ticket)
    const byPlace = (tickets: readonly Ticket[]): number[] => tickets.map(place).sort((a, b) => a - b)
    assert.deepEqual(
      moves.granted.map(place),
      expected.granted.map(place),
      'the highest class goes first, in it the agent whose turn it is, and of that agent the oldest ticket',
    )
    assert.deepEqual(byPlace(moves.refused.map(({ ticket }) => ticket)), byPlace(expected.refused))
    assert.equal(moves.reclaimed.length, 0)
    for (const refused of moves.refused) this.#refused(refused, 'QUEUE_TTL_EXPIRED')
    for (const ticket of moves.granted) this.#granted(ticket)
  }

  #granted(ticket: Ticket): void {
    this.#mark(ticket, 'granted')
    this.grants.push({ ticket, dueAtMs: ticket.dueAtMs, atMs: this.nowMs })
    assert.ok(ticket.lease, 'a granted ticket holds its lease')
    assert.equal(ticket.lease.waitedMs, this.nowMs - ticket.queuedAtMs)
    this.model.start(ticket.lease)
  }

  #mark(ticket: Ticket, fate: 'granted' | 'refused' | 'cancelled'): void {
    assert.equal(ticket.state, fate)
    this.fates.set(ticket, [...(this.fates.get(ticket) ?? []), fate])
  }

  #hearShedding(isOn: boolean): void {
    assert.notEqual(isOn, this.model.sheds, 'the event reports no change')
    this.model.sheds = isOn
    const { queueDepth } = this.lane.depths()
    const { maxQueueDepth } = this.lane.settings
    if (isOn) assert.ok(queueDepth > 0)
    else assert.ok(queueDepth === 0 || queueDepth < 0.5 * maxQueueDepth, 'shedding ended too early')
  }

  #hear(event: LaneEvent): void {
    this.events.push(event)
    const { active, limit } = this.lane.depths()
    if (event.kind === 'started') assert.ok(active <= limit, 'a lease began above the limit')
    if (event.kind === 'shedding') this.#hearShedding(event.isOn)
    if (event.kind !== 'decided') return
    const { decision } = event
    assert.equal(event.from, this.model.limit)
    if (this.model.pin)
      assert.ok(['operator', 'configuration'].includes(decision.reason), 'the law moved a pinned limit')
    this.model.limit = decision.limit
  }
}
