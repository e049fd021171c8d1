/**
 * Tickets as promises and due times as one timer, on virtual time.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Gate } from '../../src/gate/gate.ts'
import type { Entry, Turn } from '../../src/gate/gate.ts'
import { LeaseSlot } from '../../src/gate/slot.ts'
import type { LaneEvent } from '../../src/lane/event.ts'
import type { Lease } from '../../src/lane/lease.ts'
import type { LaneSettings } from '../../src/lane/settings.ts'
import { laneSettings } from '../support/lane-settings.ts'
import { rethrow } from '../support/rethrow.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const OK = { cause: 'completed', verdict: 'ok', latencyMs: 5 } as const

function open(overrides: Partial<LaneSettings> = {}) {
  const clock = new VirtualClock({ nowMs: 1000 })
  const events: LaneEvent[] = []
  const settings = laneSettings({ maxConcurrent: 1, ttlMs: 500, leaseMs: 200, ...overrides })
  const tell = (event: LaneEvent) => events.push(event)
  const gate = new Gate(settings, { clock, random: () => 0, tell, failed: rethrow })
  return { clock, events, gate, settings }
}

function granted(entry: Entry): Lease {
  assert.ok(entry.kind === 'granted')
  return entry.lease
}

function queued(entry: Entry): Extract<Entry, { kind: 'queued' }> {
  assert.ok(entry.kind === 'queued')
  return entry
}

/** What a turn has come to; `waiting` when it has not settled once all promise reactions are through. */
async function stateOf(turn: Promise<Turn>): Promise<string> {
  const reactionsAreThrough = new Promise<'waiting'>((resolve) => setImmediate(() => resolve('waiting')))
  const state = await Promise.race([turn, reactionsAreThrough])
  return state === 'waiting' ? state : state.kind
}

test('the gate answers at once: a lease, a place in the line or a refusal', () => {
  const { gate } = open({ maxQueueDepth: 1 })
  assert.deepEqual(
    [gate.enter().kind, gate.enter().kind, gate.enter().kind],
    ['granted', 'queued', 'refused'],
  )
  gate.close()
})

test('a turn settles with the lease when a slot is freed, oldest first', async () => {
  const { gate, clock } = open()
  const lease = granted(gate.enter())
  const [first, second] = [queued(gate.enter()), queued(gate.enter())]
  clock.advance(40)
  gate.settle(lease, OK)
  const turn = await first.turn
  assert.ok(turn.kind === 'granted')
  assert.equal(turn.lease.waitedMs, 40)
  assert.equal(await stateOf(second.turn), 'waiting')
  gate.close()
})

test('a turn settles with a refusal at its deadline, by the timer alone', async () => {
  const { gate, clock } = open({ leaseMs: 10_000 })
  gate.enter()
  const { turn } = queued(gate.enter())
  clock.advance(499)
  assert.equal(await stateOf(turn), 'waiting')
  clock.advance(1)
  const end = await turn
  assert.equal(end.kind === 'refused' && end.refusal.reason, 'QUEUE_TTL_EXPIRED')
  gate.close()
})

test('leaving settles the turn as left and frees the place at once', async () => {
  const { gate, clock, events } = open({ maxQueueDepth: 1 })
  gate.enter()
  const entry = queued(gate.enter())
  assert.equal(gate.enter().kind, 'refused')
  clock.advance(30)
  entry.leave()
  assert.deepEqual(
    events.find(({ kind }) => kind === 'left'),
    { kind: 'left', waitedMs: 30 },
  )
  assert.equal(gate.enter().kind, 'queued')
  assert.deepEqual(await entry.turn, { kind: 'left' })
  gate.close()
})

test('a turn settles with a refusal when a more important call puts its ticket out', async () => {
  const { gate } = open({ maxQueueDepth: 1 })
  gate.enter()
  const entry = queued(gate.enter({ priority: 'normal' }))
  assert.equal(gate.enter({ priority: 'high' }).kind, 'queued')
  const end = await entry.turn
  assert.equal(end.kind === 'refused' && end.refusal.reason, 'SHED_LOW_PRIORITY')
  entry.leave()
  assert.equal(gate.lane.depths().queueDepth, 1)
  gate.close()
})

test('leaving again, or after the turn was granted, changes nothing', async () => {
  const { gate, events } = open()
  const lease = granted(gate.enter())
  const [gone, served] = [queued(gate.enter()), queued(gate.enter())]
  gone.leave()
  gone.leave()
  gate.settle(lease, OK)
  served.leave()
  assert.equal((await served.turn).kind, 'granted')
  assert.equal(events.filter(({ kind }) => kind === 'left').length, 1)
  assert.equal(gate.lane.depths().active, 1)
  gate.close()
})

test('a newcomer is not refused because of a ticket that is already stale', async () => {
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
  late.enter()
  const stale = queued(late.enter())
  clock.advance(500)
  assert.equal(late.enter().kind, 'queued')
  assert.equal((await stale.turn).kind, 'refused')
  gate.close()
})

test('a reclaim stops the silent call before the next ticket is granted', async () => {
  const { gate, clock, events } = open({ leaseMs: 100 })
  const order: string[] = []
  const lease = granted(gate.enter())
  new LeaseSlot(gate, lease).onReclaimed(() => order.push('stopped'))
  const { turn } = queued(gate.enter())
  const seen = turn.then(({ kind }) => order.push(kind))
  clock.advance(100)
  assert.deepEqual(order, ['stopped'])
  await seen
  assert.deepEqual(order, ['stopped', 'granted'])
  assert.equal(lease.state, 'reclaimed')
  assert.ok(events.some((event) => event.kind === 'ended' && event.cause === 'reclaimed'))
  gate.close()
})

test('a call that settles while it is being stopped ends once, and its ticket is granted once', async () => {
  const { gate, clock, events } = open({ leaseMs: 100 })
  const slot = new LeaseSlot(gate, granted(gate.enter()))
  slot.onReclaimed(() => slot.settle({ cause: 'failed', verdict: 'dropped' }))
  const { turn } = queued(gate.enter())
  clock.advance(100)
  assert.equal((await turn).kind, 'granted')
  const kinds = events.map(({ kind }) => kind)
  assert.equal(kinds.filter((kind) => kind === 'ended').length, 1)
  assert.ok(!kinds.includes('ended_twice'))
  gate.close()
})

test('a call that was settled is not stopped any more', () => {
  const { gate, clock } = open({ leaseMs: 100 })
  const lease = granted(gate.enter())
  new LeaseSlot(gate, lease).onReclaimed(() => assert.fail('a settled call was stopped'))
  gate.settle(lease, OK)
  clock.advance(1000)
  gate.close()
})

test('a renewed lease is not reclaimed until it is silent for its whole time', () => {
  const { gate, clock } = open({ leaseMs: 100 })
  const lease = granted(gate.enter())
  for (let i = 0; i < 10; i++) {
    clock.advance(99)
    gate.renew(lease)
  }
  clock.advance(99.9)
  assert.equal(lease.state, 'running')
  clock.advance(0.1)
  assert.equal(lease.state, 'reclaimed')
  gate.close()
})

test('an order opens the line, and its end does so by the timer', async () => {
  const { gate, clock } = open()
  gate.enter()
  const { turn } = queued(gate.enter())
  gate.reconfigure(laneSettings({ maxConcurrent: 2, leaseMs: 100_000 }))
  assert.equal((await turn).kind, 'granted')
  gate.operate({ paused: true, forMs: 50 })
  assert.equal(gate.enter().kind, 'refused')
  clock.advance(50)
  assert.equal(gate.enter().kind, 'queued')
  gate.operate({ limit: 1 })
  assert.equal(gate.lane.depths().limit, 1)
  gate.close()
})
