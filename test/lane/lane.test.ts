/**
 * A lane by example: admission, hand-over, deadlines, silence. Random histories are in lane.properties.test.ts.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LaneEvent } from '../../src/lane/event.ts'
import { Lane } from '../../src/lane/lane.ts'
import type { Lease } from '../../src/lane/lease.ts'
import type { Ticket } from '../../src/lane/ticket.ts'
import type { LaneSettings } from '../../src/lane/settings.ts'
import { laneSettings } from '../support/lane-settings.ts'

function open(overrides: Partial<LaneSettings> = {}) {
  const events: LaneEvent[] = []
  const lane = new Lane(laneSettings({ maxConcurrent: 1, ...overrides }), 0, (event) => events.push(event))
  return { lane, events }
}

function granted(lane: Lane, nowMs: number): Lease {
  const admission = lane.admit({ spread: 0 }, nowMs)
  assert.ok(admission.kind === 'granted')
  return admission.lease
}

function queued(lane: Lane, nowMs: number): Ticket {
  const admission = lane.admit({ spread: 0 }, nowMs)
  assert.ok(admission.kind === 'queued')
  return admission.ticket
}

const OK = { cause: 'completed', verdict: 'ok', latencyMs: 5 } as const

test('a call that finds a free slot starts at once, with the events admitted and started', () => {
  const { lane, events } = open()
  assert.equal(granted(lane, 7).grantedAtMs, 7)
  assert.deepEqual(events, [
    { kind: 'admitted', queued: false },
    { kind: 'started', waitedMs: 0, priority: 'normal' },
  ])
  assert.deepEqual(lane.depths(), { queueDepth: 0, active: 1, limit: 1 })
})

test('a freed slot goes to the oldest ticket within the call that freed it', () => {
  const { lane, events } = open()
  const lease = granted(lane, 0)
  const [first, second] = [queued(lane, 1), queued(lane, 2)]
  const moves = lane.settle(lease, OK, 10)
  assert.deepEqual(moves.granted, [first])
  assert.equal(first.lease?.waitedMs, 9)
  assert.equal(second.state, 'waiting')
  assert.deepEqual(events.slice(-2), [
    { kind: 'ended', cause: 'completed', verdict: 'ok', heldMs: 10 },
    { kind: 'started', waitedMs: 9, priority: 'normal' },
  ])
})

test('the refusal of a full queue carries the depths at that time', () => {
  const { lane } = open({ maxQueueDepth: 1 })
  granted(lane, 0)
  queued(lane, 0)
  assert.deepEqual(lane.admit({ spread: 0 }, 0), {
    kind: 'refused',
    refusal: {
      reason: 'QUEUE_SATURATED',
      retryAfterMs: 1000,
      depths: { queueDepth: 1, active: 1, limit: 1 },
      toolWaitMs: undefined,
    },
  })
})

test('a lane with maxQueueDepth 0 starts calls or refuses them', () => {
  const { lane } = open({ maxQueueDepth: 0 })
  granted(lane, 0)
  const second = lane.admit({ spread: 0 }, 0)
  assert.equal(second.kind === 'refused' && second.refusal.reason, 'QUEUE_SATURATED')
})

test('a ticket at its deadline is refused, even if a slot comes free at the same time', () => {
  const { lane } = open({ ttlMs: 100 })
  const lease = granted(lane, 0)
  const [stale, fresh] = [queued(lane, 0), queued(lane, 1)]
  assert.equal(lane.wakeAtMs(), 100)
  const moves = lane.settle(lease, OK, 100)
  assert.deepEqual(moves.granted, [fresh])
  assert.deepEqual(
    moves.refused.map(({ ticket, refusal }) => [ticket, refusal.reason]),
    [[stale, 'QUEUE_TTL_EXPIRED']],
  )
  assert.equal(stale.lease, undefined)
})

test('a cancelled ticket frees its place at once', () => {
  const { lane, events } = open({ maxQueueDepth: 1 })
  granted(lane, 0)
  const ticket = queued(lane, 0)
  assert.equal(lane.cancel(ticket, 30), true)
  assert.equal(lane.cancel(ticket, 31), false)
  assert.deepEqual(
    events.find(({ kind }) => kind === 'left'),
    { kind: 'left', waitedMs: 30 },
  )
  queued(lane, 31)
})

test('a granted ticket can no longer be cancelled', () => {
  const { lane } = open()
  const lease = granted(lane, 0)
  const ticket = queued(lane, 0)
  lane.settle(lease, OK, 1)
  assert.equal(lane.cancel(ticket, 2), false)
  assert.equal(ticket.state, 'granted')
})

for (const [who, verdict] of [
  ['tool', 'dropped'],
  ['caller', 'ignored'],
] as const) {
  test(`a lease that goes silent while it waits for the ${who} is reclaimed as ${verdict}`, () => {
    const { lane, events } = open({ leaseMs: 100 })
    const lease = granted(lane, 0)
    const next = queued(lane, 0)
    lease.waitsFor = who
    const moves = lane.expire(100)
    assert.deepEqual([moves.reclaimed, moves.granted], [[lease], [next]])
    assert.equal(lease.state, 'reclaimed')
    assert.ok(
      events.some(
        (event) => event.kind === 'ended' && event.cause === 'reclaimed' && event.verdict === verdict,
      ),
    )
  })
}

test('the end of a lease that was reclaimed counts as a second end and frees no slot', () => {
  const { lane, events } = open({ leaseMs: 100 })
  const lease = granted(lane, 0)
  lane.expire(100)
  granted(lane, 100)
  const waiting = queued(lane, 100)
  assert.deepEqual(lane.settle(lease, OK, 101).granted, [])
  assert.equal(waiting.state, 'waiting')
  assert.deepEqual(events.at(-1), { kind: 'ended_twice' })
})

test('a hanging tool shows in Retry-After and in the estimate before its first call ends', () => {
  const { lane } = open({ maxQueueDepth: 0 })
  granted(lane, 0)
  const advice = (nowMs: number): number => {
    const admission = lane.admit({ spread: 0 }, nowMs)
    return admission.kind === 'refused' ? admission.refusal.retryAfterMs : NaN
  }
  assert.equal(advice(0), 1000)
  assert.equal(advice(20_000), 20_000)
  assert.equal(lane.snapshot(20_000).estimateMs, 20_000)
})

test('a call that its caller cancelled does not count in the service time', () => {
  const { lane } = open({ maxQueueDepth: 0 })
  lane.settle(granted(lane, 0), { cause: 'cancelled', verdict: 'ignored' }, 90_000)
  granted(lane, 90_000)
  const refused = lane.admit({ spread: 0 }, 90_000)
  assert.equal(refused.kind === 'refused' && refused.refusal.retryAfterMs, 1000)
})

test('ignored verdicts count in neither p95 nor error rate', () => {
  const { lane } = open()
  lane.settle(granted(lane, 0), { cause: 'completed', verdict: 'ignored', latencyMs: 9000 }, 1)
  assert.deepEqual([lane.snapshot(1).p95Ms, lane.snapshot(1).errorRate], [undefined, 0])
  lane.settle(granted(lane, 1), { cause: 'failed', verdict: 'dropped' }, 2)
  lane.settle(granted(lane, 2), OK, 3)
  assert.deepEqual([lane.snapshot(3).p95Ms, lane.snapshot(3).errorRate], [5, 0.5])
})

test('an idle lane has nothing due', () => {
  const { lane } = open()
  assert.equal(lane.wakeAtMs(), Infinity)
  assert.equal(lane.isIdle(), true)
  assert.equal(lane.snapshot(0).estimateMs, 0)
})
