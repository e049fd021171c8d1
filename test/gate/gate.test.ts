/**
 * What a gate answers at once, which turns it tells later, and that leaving and reclaiming never lose a slot. On virtual
 * time.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Gate } from '../../src/gate/gate.ts'
import type { LaneEvent } from '../../src/lane/event.ts'
import type { LaneSettings } from '../../src/lane/settings.ts'
import { laneSettings } from '../support/lane-settings.ts'
import { started, visit } from '../support/lane-turns.ts'
import { rethrow } from '../support/rethrow.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const OK = { cause: 'completed', verdict: 'ok', latencyMs: 5 } as const

function open(overrides: Partial<LaneSettings> = {}) {
  const clock = new VirtualClock({ nowMs: 1000 })
  const events: LaneEvent[] = []
  const settings = laneSettings({ maxConcurrent: 1, ttlMs: 500, leaseMs: 200, ...overrides })
  const tell = (event: LaneEvent) => events.push(event)
  const gate = new Gate(settings, { clock, random: () => 0, tell, failed: rethrow })
  const ended = () => events.flatMap((event) => (event.kind === 'ended' ? [event.cause] : []))
  return { clock, events, ended, gate, settings }
}

test('the gate answers at once: a lease, a place in the queue or a refusal', () => {
  const { gate } = open({ maxQueueDepth: 1 })
  assert.deepEqual([visit(gate).kind, visit(gate).kind, visit(gate).kind], ['granted', 'queued', 'refused'])
  gate.close('DRAINING')
})

test('a turn brings the lease when a slot is freed, oldest first', () => {
  const { gate, clock } = open()
  const lease = started(gate)
  const [first, second] = [visit(gate), visit(gate)]
  clock.advance(40)
  lease.settle(OK)
  assert.equal(first.lease.waitedMs, 40)
  assert.equal(first.lease.grantedAtMs, 1040)
  assert.equal(second.now, 'waiting')
  gate.close('DRAINING')
})

test('a turn brings a refusal at its deadline, by the timer alone', () => {
  const { gate, clock } = open({ leaseMs: 10_000 })
  visit(gate)
  const stale = visit(gate)
  clock.advance(499)
  assert.equal(stale.now, 'waiting')
  clock.advance(1)
  assert.equal(stale.reason, 'QUEUE_TTL_EXPIRED')
  gate.close('DRAINING')
})

test('a call that left is told nothing, and its place is free at once', () => {
  const { gate, clock, events } = open({ maxQueueDepth: 1 })
  visit(gate)
  const gone = visit(gate)
  assert.equal(visit(gate).kind, 'refused')
  clock.advance(30)
  assert.equal(gone.leave(), true)
  assert.deepEqual(
    events.find(({ kind }) => kind === 'left'),
    { kind: 'left', waitedMs: 30 },
  )
  assert.equal(visit(gate).kind, 'queued')
  assert.deepEqual(gone.turns, [])
  gate.close('DRAINING')
  assert.deepEqual(gone.turns, [])
})

test('a turn brings a refusal when a more important call puts its ticket out', () => {
  const { gate } = open({ maxQueueDepth: 1 })
  visit(gate)
  const out = visit(gate, { priority: 'normal' })
  assert.equal(visit(gate, { priority: 'high' }).kind, 'queued')
  assert.equal(out.reason, 'SHED_LOW_PRIORITY')
  assert.equal(out.leave(), false)
  assert.equal(gate.lane.depths().queueDepth, 1)
  gate.close('DRAINING')
})

test('leaving again, or after the turn was told, is false and changes nothing', () => {
  const { gate, events } = open()
  const lease = started(gate)
  const [gone, served] = [visit(gate), visit(gate)]
  assert.deepEqual([gone.leave(), gone.leave()], [true, false])
  lease.settle(OK)
  assert.equal(served.leave(), false)
  assert.equal(served.now, 'granted')
  assert.equal(events.filter(({ kind }) => kind === 'left').length, 1)
  assert.equal(gate.lane.depths().active, 1)
  gate.close('DRAINING')
})

test('a call that leaves between its grant and its turn gives the lease back, and the next ticket gets it', () => {
  const { gate, ended } = open({ maxConcurrent: 2 })
  const leases = [started(gate), started(gate)]
  // The callback of the first turn makes the second lease free, so that the second turn is decided and not told.
  const order: string[] = []
  const first = visit(gate, {}, () => {
    leases[1]?.settle(OK)
    order.push(`second leaves: ${second.leave()}`, `again: ${second.leave()}`)
  })
  const second = visit(gate)
  const third = visit(gate, {}, () => order.push('third'))
  leases[0]?.settle(OK)
  assert.deepEqual(order, ['second leaves: true', 'again: false', 'third'])
  assert.deepEqual([first.now, second.turns.length, third.now], ['granted', 0, 'granted'])
  assert.deepEqual(ended(), ['completed', 'completed', 'cancelled'])
  assert.deepEqual(gate.lane.depths(), { queueDepth: 0, active: 2, limit: 2 })
  gate.close('DRAINING')
})

test('a call that leaves between its refusal and its turn is told nothing', () => {
  const { gate, clock } = open({ leaseMs: 10_000 })
  visit(gate)
  const first = visit(gate, {}, () => assert.equal(second.leave(), true))
  const second = visit(gate)
  clock.advance(500)
  assert.deepEqual([first.now, second.turns.length], ['refused', 0])
  gate.close('DRAINING')
})

test('a newcomer whose turn comes while it enters is answered with it at once', () => {
  const { gate } = open({ maxQueueDepth: 1 })
  const lease = started(gate)
  // The ticket that has to go for the newcomer ends the running call in its callback.
  visit(gate, { priority: 'low' }, () => lease.settle(OK))
  const newcomer = visit(gate, { priority: 'high' })
  assert.deepEqual([newcomer.kind, newcomer.turns.length], ['granted', 0])
  assert.deepEqual(gate.lane.depths(), { queueDepth: 0, active: 1, limit: 1 })
  newcomer.lease.settle(OK)
  assert.equal(gate.lane.isIdle(), true)
  gate.close('DRAINING')
})

test('100,000 calls that end as soon as their turn comes are told one after the other, without a deeper stack', () => {
  const CALLS = 100_000
  const { gate, ended } = open({ maxQueueDepth: CALLS, ttlMs: 60_000 })
  const lease = started(gate)
  let [inside, most, told] = [0, 0, 0]
  for (let i = 0; i < CALLS; i++) {
    gate.enter({}, (turn) => {
      most = Math.max(most, ++inside)
      told++
      if (turn.kind === 'granted') turn.lease.settle(OK)
      inside--
    })
  }
  lease.settle(OK)
  assert.deepEqual([told, most], [CALLS, 1])
  assert.equal(ended().length, CALLS + 1)
  assert.equal(gate.lane.isIdle(), true)
  gate.close('DRAINING')
})

test('a newcomer is not refused because of a ticket that is already stale', () => {
  const { gate, clock, settings } = open({ maxQueueDepth: 1, leaseMs: 10_000 })
  const late = new Gate(settings, {
    // A clock whose timers are late, as on a busy event loop.
    clock: {
      nowMs: clock.nowMs,
      wallMs: clock.wallMs,
      stoppedMs: clock.stoppedMs,
      after: () => ({ clear: () => undefined }),
    },
    random: () => 0,
    tell: () => undefined,
    failed: rethrow,
  })
  visit(late)
  const stale = visit(late)
  clock.advance(500)
  assert.equal(visit(late).kind, 'queued')
  assert.equal(stale.now, 'refused')
  gate.close('DRAINING')
})

test('a reclaim stops the silent call before the next ticket is granted', () => {
  const { gate, clock, ended } = open({ leaseMs: 100 })
  const order: string[] = []
  const lease = started(gate)
  lease.onReclaimed(() => order.push('stopped'))
  visit(gate, {}, ({ kind }) => order.push(kind))
  clock.advance(100)
  assert.deepEqual(order, ['stopped', 'granted'])
  assert.equal(lease.isOver, true)
  assert.deepEqual(ended(), ['reclaimed'])
  gate.close('DRAINING')
})

test('a call that settles while it is being stopped ends once, and its ticket is granted once', () => {
  const { gate, clock, events, ended } = open({ leaseMs: 100 })
  const lease = started(gate)
  lease.onReclaimed(() => lease.settle({ cause: 'failed', verdict: 'dropped' }))
  const next = visit(gate)
  clock.advance(100)
  assert.equal(next.now, 'granted')
  assert.deepEqual(ended(), ['reclaimed'])
  assert.ok(!events.some(({ kind }) => kind === 'ended_twice'))
  gate.close('DRAINING')
})

test('a call that was settled is not stopped any more', () => {
  const { gate, clock } = open({ leaseMs: 100 })
  const lease = started(gate)
  lease.onReclaimed(() => assert.fail('a settled call was stopped'))
  lease.settle(OK)
  clock.advance(1000)
  gate.close('DRAINING')
})

test('a renewed lease is not reclaimed until it is silent for its whole time', () => {
  const { gate, clock } = open({ leaseMs: 100 })
  const lease = started(gate)
  for (let i = 0; i < 10; i++) {
    clock.advance(99)
    lease.renew()
  }
  clock.advance(99.9)
  assert.equal(lease.isOver, false)
  clock.advance(0.1)
  assert.equal(lease.isOver, true)
  gate.close('DRAINING')
})

test('a reload hands a new slot to a waiting call, and a pause ends by the timer', () => {
  const { gate, clock } = open()
  visit(gate)
  const waiting = visit(gate)
  gate.reconfigure(laneSettings({ maxConcurrent: 2, leaseMs: 100_000 }))
  assert.equal(waiting.now, 'granted')
  gate.operate({ paused: true, forMs: 50 })
  assert.equal(visit(gate).kind, 'refused')
  clock.advance(50)
  assert.equal(visit(gate).kind, 'queued')
  gate.operate({ limit: 1 })
  assert.equal(gate.lane.depths().limit, 1)
  gate.close('DRAINING')
})
