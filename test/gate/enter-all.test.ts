/**
 * Several leases at once or none: a refusal by one lane changes nothing in the others, and a batch is granted exactly where
 * its calls would start one after the other.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { enterAll, Gate } from '../../src/gate/gate.ts'
import type { LaneEvent } from '../../src/lane/event.ts'
import type { LaneSettings } from '../../src/lane/settings.ts'
import { laneSettings } from '../support/lane-settings.ts'
import { started, visit } from '../support/lane-turns.ts'
import { rethrow } from '../support/rethrow.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const OK = { cause: 'completed', verdict: 'ok', latencyMs: 5 } as const

function open(overrides: Partial<LaneSettings> = {}, clock = new VirtualClock()) {
  const events: LaneEvent[] = []
  const tell = (event: LaneEvent) => events.push(event)
  const gate = new Gate(laneSettings(overrides), { clock, random: () => 0, tell, failed: rethrow })
  return { gate, events, clock, want: { gate, want: {} } }
}

test('all start together, in their order', () => {
  const [first, second] = [open(), open()]
  const entered = enterAll([first.want, second.want, first.want])
  assert.ok(entered.kind === 'granted')
  assert.deepEqual(
    entered.leases.map(({ isOver }) => isOver),
    [false, false, false],
  )
  assert.deepEqual([first.gate.lane.depths().active, second.gate.lane.depths().active], [2, 1])
})

test('a batch that its second lane refuses burns no token of the first, and counts nothing in either', () => {
  const first = open({ rate: { calls: 1, perMs: 60_000, burst: 1 } })
  const second = open({ maxConcurrent: 1 })
  visit(second.gate)
  second.events.length = 0
  const entered = enterAll([first.want, second.want])
  assert.ok(entered.kind === 'refused')
  assert.deepEqual([entered.index, entered.refusal.reason], [1, 'QUEUE_SATURATED'])
  assert.deepEqual([first.events, second.events], [[], []])
  assert.equal(first.clock.timers, 0)
  assert.equal(visit(first.gate).kind, 'granted')
})

test('two calls for the same lane need two slots', () => {
  const { gate, want, events } = open({ maxConcurrent: 2 })
  const lease = started(gate)
  events.length = 0
  const entered = enterAll([want, want])
  assert.deepEqual([entered.kind, entered.kind === 'refused' && entered.index], ['refused', 1])
  assert.deepEqual(events, [])
  lease.settle(OK)
  assert.equal(enterAll([want, want]).kind, 'granted')
})

test('a rate needs a token for each call, and its refusal says when there are as many', () => {
  const { want, clock } = open({ rate: { calls: 1, perMs: 10_000, burst: 2 } })
  const entered = enterAll([want, want, want])
  assert.ok(entered.kind === 'refused')
  assert.deepEqual([entered.index, entered.refusal.reason], [2, 'RATE_LIMITED'])
  assert.equal(entered.refusal.retryAfterMs, 10_000)
  assert.equal(enterAll([want, want]).kind, 'granted')
  clock.advance(10_000)
  assert.equal(enterAll([want, want]).kind, 'refused')
  assert.equal(enterAll([want]).kind, 'granted')
})

test('a tool that throttles is tried with one call', () => {
  const { gate, want, clock } = open()
  started(gate).settle({ cause: 'completed', verdict: 'dropped', pushback: { retryAfterMs: 1000 } })
  assert.equal(enterAll([want]).kind, 'refused')
  clock.advance(1100)
  assert.equal(enterAll([want, want]).kind, 'refused')
  assert.equal(enterAll([want]).kind, 'granted')
  assert.equal(enterAll([want]).kind, 'refused')
})

test('a batch overtakes nobody who waits, puts nobody out, and never waits', () => {
  const { gate, want } = open({ maxConcurrent: 2, maxQueueDepth: 1 })
  for (let i = 0; i < 2; i++) started(gate)
  const low = visit(gate, { priority: 'low' })
  const entered = enterAll([{ gate, want: { priority: 'critical' } }])
  assert.ok(entered.kind === 'refused' && entered.refusal.reason === 'QUEUE_SATURATED')
  assert.equal(low.now, 'waiting')
  gate.operate({ paused: true })
  const paused = enterAll([want])
  assert.ok(paused.kind === 'refused' && paused.refusal.reason === 'LANE_PAUSED')
  assert.ok(paused.refusal.retryAfterMs > 0)
  gate.close('DRAINING')
})

test('what is due comes first: a stale ticket keeps no batch out', () => {
  const { gate, want, clock } = open({ maxConcurrent: 2, ttlMs: 100 })
  gate.operate({ limit: 1 })
  started(gate)
  const stale = visit(gate)
  gate.operate({ limit: 'auto', paused: true, forMs: 100 })
  // Time goes by and the timer is late.
  clock.stop(100)
  assert.equal(enterAll([want]).kind, 'granted')
  assert.equal(stale.reason, 'QUEUE_TTL_EXPIRED')
  gate.close('DRAINING')
})

interface Facts {
  readonly limit: number
  readonly busy: number
  readonly burst: number
  readonly wants: readonly ('rated' | 'throttled')[]
  readonly isPushedBack: boolean
  readonly waitMs: number
}

/** A lane with a rate, of which some slots are busy, and one that is open, half open or paced after a pushback. */
function lanes({ limit, busy, burst, isPushedBack, waitMs }: Facts) {
  const clock = new VirtualClock()
  const rate = { calls: 1, perMs: 1000, burst }
  const rated = open({ maxConcurrent: limit, maxQueueDepth: 0, rate }, clock)
  const throttled = open({ maxConcurrent: 2, maxQueueDepth: 0 }, clock)
  for (let i = 0; i < 8; i++) {
    started(throttled.gate).settle(OK)
    clock.advance(100)
  }
  const pushback = { retryAfterMs: 100 }
  if (isPushedBack) started(throttled.gate).settle({ cause: 'completed', verdict: 'dropped', pushback })
  for (let i = 0; i < Math.min(busy, limit, burst); i++) started(rated.gate)
  clock.advance(waitMs)
  if (isPushedBack && waitMs > 1000) started(throttled.gate).settle(OK)
  clock.advance(waitMs / 10)
  return { rated, throttled }
}

test('calls start together exactly where they would have started one after the other', () => {
  const facts: fc.Arbitrary<Facts> = fc.record({
    limit: fc.integer({ min: 1, max: 4 }),
    busy: fc.nat(4),
    burst: fc.integer({ min: 1, max: 4 }),
    wants: fc.array(fc.constantFrom('rated', 'throttled'), { minLength: 1, maxLength: 5 }),
    isPushedBack: fc.boolean(),
    waitMs: fc.nat(3000),
  })
  fc.assert(
    fc.property(facts, (given) => {
      const [together, single] = [lanes(given), lanes(given)]
      const entered = enterAll(given.wants.map((which) => together[which].want))
      const kinds = given.wants.map((which) => visit(single[which].gate).kind)
      const firstRefused = kinds.findIndex((kind) => kind !== 'granted')
      assert.equal(entered.kind === 'refused' ? entered.index : -1, firstRefused)
    }),
    { numRuns: 500 },
  )
})
