/**
 * Priority classes by example: which ticket goes first, which is evicted, and when low calls are shed.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LaneEvent } from '../../src/lane/event.ts'
import { Lane } from '../../src/lane/lane.ts'
import type { Lease } from '../../src/lane/lease.ts'
import type { AdmissionResult } from '../../src/lane/effects.ts'
import type { Priority } from '../../src/lane/priority.ts'
import type { LaneSettings } from '../../src/lane/settings.ts'
import { laneSettings } from '../support/lane-settings.ts'

const OK = { cause: 'completed', verdict: 'ok', latencyMs: 5 } as const

/** A lane whose only slot is taken. */
function busy(overrides: Partial<LaneSettings> = {}) {
  const events: LaneEvent[] = []
  const lane = new Lane(laneSettings({ maxConcurrent: 1, ...overrides }), 0, (event) => events.push(event))
  const first = lane.admit({ spread: 0 }, 0)
  assert.ok(first.kind === 'granted')
  const ask = (priority: Priority, nowMs = 0): AdmissionResult => lane.admit({ spread: 0, priority }, nowMs)
  const shedding = (): boolean[] => events.flatMap((event) => (event.kind === 'shedding' ? [event.isOn] : []))
  return { lane, events, lease: first.lease, ask, shedding }
}

function answer(admission: AdmissionResult): string {
  return admission.kind === 'refused' ? admission.refusal.reason : admission.kind
}

/** Ends the call and returns the ticket that runs next. */
function next(lane: Lane, lease: Lease, nowMs: number) {
  const [ticket] = lane.settle(lease, OK, nowMs).granted
  assert.ok(ticket?.lease)
  return { ticket, lease: ticket.lease }
}

test('a freed slot goes to the highest class, and the event names the class', () => {
  const { lane, lease, ask, events } = busy()
  for (const priority of ['low', 'normal', 'critical', 'high'] as const) ask(priority)
  const order: Priority[] = []
  for (let running = lease, i = 1; i <= 4; i++) {
    const turn = next(lane, running, i)
    order.push(turn.ticket.priority)
    running = turn.lease
  }
  assert.deepEqual(order, ['critical', 'high', 'normal', 'low'])
  const told = events.flatMap((event) => (event.kind === 'started' ? [event.priority] : []))
  assert.deepEqual(told, ['normal', ...order])
})

test('a call with no TTL left evicts no ticket and takes no free place in the queue', () => {
  const { lane, ask } = busy({ maxQueueDepth: 2 })
  const hurried = (): AdmissionResult => lane.admit({ spread: 0, priority: 'critical', ttlMs: 0 }, 1)
  assert.equal(ask('low').kind, 'queued')
  assert.equal(answer(hurried()), 'QUEUE_TTL_EXPIRED')
  assert.equal(ask('normal').kind, 'queued')
  assert.equal(answer(hurried()), 'QUEUE_SATURATED')
  assert.equal(lane.depths().queueDepth, 2)
})

test('a newcomer that finds the queue full evicts the newest ticket of the lowest class below its own', () => {
  const { ask, lane } = busy({ maxQueueDepth: 3 })
  const [low, older, newer] = [ask('low'), ask('normal'), ask('normal')]
  assert.ok(low.kind === 'queued' && older.kind === 'queued' && newer.kind === 'queued')
  const first = ask('high', 1)
  assert.ok(first.kind === 'queued')
  assert.equal(first.putOut?.ticket, low.ticket)
  assert.equal(first.putOut.refusal.reason, 'SHED_LOW_PRIORITY')
  assert.equal(low.ticket.state, 'refused')
  const second = ask('high', 2)
  assert.equal(second.kind === 'queued' && second.putOut?.ticket, newer.ticket)
  assert.equal(lane.cancel(newer.ticket, 3), false)
  assert.equal(lane.depths().queueDepth, 3)
})

test('a newcomer that finds no lower class in a full queue gets QUEUE_SATURATED', () => {
  const { ask } = busy({ maxQueueDepth: 1 })
  ask('high')
  assert.equal(answer(ask('high')), 'QUEUE_SATURATED')
  assert.equal(answer(ask('normal')), 'QUEUE_SATURATED')
  assert.equal(answer(ask('low')), 'SHED_LOW_PRIORITY')
})

test('with maxQueueDepth 0 low calls get QUEUE_SATURATED like calls of every other class', () => {
  const { ask } = busy({ maxQueueDepth: 0 })
  for (const priority of ['critical', 'low'] as const) assert.equal(answer(ask(priority)), 'QUEUE_SATURATED')
})

test('low calls are refused from four fifths of the queue until it is less than half full', () => {
  const { ask, lane, lease, shedding } = busy({ maxQueueDepth: 10 })
  for (let i = 0; i < 8; i++) assert.equal(answer(ask(i < 4 ? 'low' : 'normal')), 'queued')
  assert.deepEqual(shedding(), [true])
  assert.equal(answer(ask('low')), 'SHED_LOW_PRIORITY')
  assert.equal(lane.snapshot(0).shedsLowPriority, true)
  let running = lease
  for (let i = 1; i <= 3; i++) running = next(lane, running, i).lease
  assert.equal(answer(ask('low', 3)), 'SHED_LOW_PRIORITY', 'five wait')
  next(lane, running, 4)
  assert.deepEqual(shedding(), [true, false])
  assert.equal(answer(ask('low', 4)), 'queued')
})

test('a low ticket waits behind higher classes until its TTL at most', () => {
  const { ask, lane, lease } = busy({ ttlMs: 100 })
  const low = ask('low')
  assert.ok(low.kind === 'queued')
  ask('high', 20)
  const turn = next(lane, lease, 40)
  ask('high', 80)
  const moves = lane.settle(turn.lease, OK, 100)
  assert.deepEqual(
    moves.refused.map(({ ticket, refusal }) => [ticket, refusal.reason]),
    [[low.ticket, 'QUEUE_TTL_EXPIRED']],
  )
  assert.equal(moves.granted[0]?.priority, 'high')
})

test('a paused lane answers every class with LANE_PAUSED, and an empty queue ends the shedding', () => {
  const { ask, lane, shedding } = busy({ maxQueueDepth: 1 })
  const waiting = ask('high')
  assert.ok(waiting.kind === 'queued')
  lane.operate({ paused: true }, 1)
  assert.equal(answer(ask('low', 1)), 'LANE_PAUSED')
  lane.cancel(waiting.ticket, 2)
  assert.deepEqual(shedding(), [true, false])
})
