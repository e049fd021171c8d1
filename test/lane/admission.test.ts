/**
 * Admission without a lane: for each state of the lane's parts, whether a newcomer starts, waits, evicts a ticket or is
 * refused. Asking changes nothing.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Admission } from '../../src/lane/admission.ts'
import type { Newcomer } from '../../src/lane/admission.ts'
import type { LaneParts } from '../../src/lane/parts.ts'
import type { LaneSettings } from '../../src/lane/settings.ts'
import { WaitEstimator } from '../../src/lane/wait-estimator.ts'
import { laneParts, pushBack, run, wait } from '../support/lane-parts.ts'

interface Case {
  readonly name: string
  readonly settings?: Partial<LaneSettings>
  readonly state: (parts: LaneParts) => void
  readonly newcomer?: Partial<Newcomer>
  readonly nowMs?: number
  /** `start`, `wait`, `put out` or the reason of the refusal. */
  readonly expected: string
}

const ONE: Partial<LaneSettings> = { maxConcurrent: 1, maxQueueDepth: 1 }
const RATE: Partial<LaneSettings> = { rate: { calls: 1, perMs: 1000, burst: 1 } }

const CASES: readonly Case[] = [
  { name: 'an idle lane', state: () => undefined, expected: 'start' },
  { name: 'the last free slot', settings: { maxConcurrent: 2 }, state: (p) => run(p, 1), expected: 'start' },
  { name: 'no free slot', settings: ONE, state: (p) => run(p, 1), expected: 'wait' },
  {
    name: 'a free slot while another ticket waits',
    settings: { maxConcurrent: 2 },
    state: (p) => void wait(p),
    expected: 'wait',
  },
  {
    name: 'a paused lane',
    state: (p) => p.limitControl.override.obey({ paused: true }, 0),
    expected: 'LANE_PAUSED',
  },
  { name: 'a lane that was closed', state: (p) => (p.closedFor = 'DRAINING'), expected: 'DRAINING' },
  {
    name: 'a lane whose fleet has no slots and whose store is lost',
    state: (p) => p.limitControl.cap({ slots: 0, untilMs: Infinity, isShut: true }, 0),
    expected: 'STORE_UNAVAILABLE',
  },
  {
    name: 'a lane whose fleet has no slots yet',
    settings: ONE,
    state: (p) => p.limitControl.cap({ slots: 0, untilMs: Infinity, isShut: false }, 0),
    expected: 'wait',
  },
  {
    name: 'no token of the call rate',
    settings: RATE,
    state: (p) => p.bucket.take(0),
    expected: 'RATE_LIMITED',
  },
  {
    name: 'a new token after its interval',
    settings: RATE,
    state: (p) => p.bucket.take(0),
    nowMs: 1000,
    expected: 'start',
  },
  {
    name: 'a tool that asked for longer than the newcomer may wait',
    state: (p) => pushBack(p, 20_000),
    newcomer: { ttlMs: 10_000 },
    expected: 'UPSTREAM_THROTTLED',
  },
  {
    name: 'a tool that asked for less than the newcomer may wait',
    state: (p) => pushBack(p, 20_000),
    newcomer: { ttlMs: 30_000 },
    expected: 'wait',
  },
  {
    name: 'a newcomer with no TTL left',
    settings: ONE,
    state: (p) => run(p, 1),
    newcomer: { ttlMs: 0 },
    expected: 'QUEUE_TTL_EXPIRED',
  },
  {
    name: 'a full queue of the same class',
    settings: ONE,
    state: (p) => (run(p, 1), void wait(p)),
    expected: 'QUEUE_SATURATED',
  },
  {
    name: 'a full queue with a ticket of a lower class',
    settings: ONE,
    state: (p) => (run(p, 1), void wait(p, 'low')),
    expected: 'put out',
  },
  {
    name: 'a full queue with a ticket of a higher class',
    settings: ONE,
    state: (p) => (run(p, 1), void wait(p, 'high')),
    expected: 'QUEUE_SATURATED',
  },
  {
    name: 'a full queue, with a newcomer of a higher class that has no TTL left',
    settings: ONE,
    state: (p) => (run(p, 1), void wait(p, 'low')),
    newcomer: { priority: 'high', ttlMs: 0 },
    expected: 'QUEUE_SATURATED',
  },
  {
    name: 'a full queue, filled by one agent, with a newcomer of another',
    settings: { ...ONE, maxQueueDepth: 3 },
    state: (p) => (run(p, 1), wait(p, 'normal', 'a'), wait(p, 'normal', 'a'), void wait(p, 'normal', 'a')),
    newcomer: { agent: 'b' },
    expected: 'put out',
  },
  {
    name: 'a lane that sheds low calls, with a low newcomer',
    settings: ONE,
    state: (p) => {
      run(p, 1)
      wait(p)
      p.overload.look({ depth: 1, maxDepth: 1, estimateMs: 0, ttlMs: 1 }, 0)
    },
    newcomer: { priority: 'low' },
    expected: 'SHED_LOW_PRIORITY',
  },
  {
    name: 'a maxQueueDepth of 0',
    settings: { maxConcurrent: 1, maxQueueDepth: 0 },
    state: (p) => run(p, 1),
    expected: 'QUEUE_SATURATED',
  },
  {
    name: 'a maxQueueDepth of 0, where only slots of the fleet are missing',
    settings: { maxConcurrent: 4, maxQueueDepth: 0 },
    state: (p) => p.limitControl.cap({ slots: 0, untilMs: Infinity, isShut: false }, 0),
    expected: 'wait',
  },
]

for (const { name, settings, state, newcomer, nowMs = 0, expected } of CASES) {
  test(`${name}: ${expected}`, () => {
    const parts = laneParts(settings)
    state(parts)
    const admission = new Admission(parts, new WaitEstimator(parts))
    const asks = { priority: 'normal', agent: '', ttlMs: parts.settings.ttlMs, ...newcomer } as const
    const answer = (): string => {
      if (admission.canStart(1, nowMs)) return 'start'
      const judged = admission.judge(asks, nowMs)
      if (judged.kind === 'refuse') return judged.reason
      return judged.putOut === undefined ? 'wait' : 'put out'
    }
    const before = [parts.queue.depth, parts.running.active]
    assert.deepEqual([answer(), answer()], [expected, expected])
    assert.deepEqual([parts.queue.depth, parts.running.active], before)
  })
}

test('several newcomers start together only with a slot and a token for each of them', () => {
  const parts = laneParts({ maxConcurrent: 3, rate: { calls: 1, perMs: 1000, burst: 2 } })
  const admission = new Admission(parts, new WaitEstimator(parts))
  const newcomer = { priority: 'normal', agent: '', ttlMs: 60_000 } as const
  const why = (calls: number) => admission.whyNotTogether(calls, newcomer, 0)
  assert.deepEqual([why(1), why(2), why(3)], [undefined, undefined, 'RATE_LIMITED'])
  run(parts, 2)
  assert.deepEqual([why(1), why(2)], [undefined, 'QUEUE_SATURATED'])
  run(parts, 1)
  assert.equal(why(1), 'QUEUE_SATURATED')
})

test('the next ticket starts while slots are free and the tool may be called', () => {
  const parts = laneParts({ maxConcurrent: 1 })
  const admission = new Admission(parts, new WaitEstimator(parts))
  wait(parts)
  assert.equal(admission.canStartNext(0), true)
  pushBack(parts, 500)
  assert.deepEqual([admission.canStartNext(499), admission.canStartNext(500)], [false, true])
  run(parts, 1, 500)
  assert.equal(admission.canStartNext(600), false)
})
