/**
 * The limit of a whole lane by example: how the law, an operator's pin and a new configuration move it, and what a pause
 * does.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LaneEvent } from '../../src/lane/event.ts'
import { Lane } from '../../src/lane/lane.ts'
import type { LeaseEnd } from '../../src/lane/lease.ts'
import type { LaneSettings } from '../../src/lane/settings.ts'
import { laneSettings } from '../support/lane-settings.ts'

const GOOD: LeaseEnd = { cause: 'completed', verdict: 'ok', latencyMs: 10 }
const BAD: LeaseEnd = { cause: 'failed', verdict: 'dropped' }

class Trial {
  readonly events: LaneEvent[] = []
  readonly lane: Lane
  nowMs = 0

  constructor(overrides: Partial<LaneSettings> = {}) {
    this.lane = new Lane(laneSettings(overrides), 0, (event) => this.events.push(event))
  }

  get limit(): number {
    return this.lane.depths().limit
  }

  /** Keeps every slot busy for one window whose calls all end like this. */
  window(end: LeaseEnd): number {
    for (let round = 0; round < 40; round++) {
      const leases = Array.from({ length: this.limit }, () => this.lane.admit({ spread: 0 }, this.nowMs))
      for (const admission of leases) {
        if (admission.kind === 'granted') this.lane.settle(admission.lease, end, this.nowMs)
      }
    }
    this.nowMs += 2000
    this.lane.expire(this.nowMs)
    return this.limit
  }

  decided(): string[] {
    return this.events
      .filter((event) => event.kind === 'decided')
      .map(({ from, decision }) => `${from} -> ${decision.limit} ${decision.action} ${decision.reason}`)
  }
}

test('the law moves the limit and gives a reason', () => {
  const trial = new Trial({ startConcurrent: 6 })
  assert.deepEqual([trial.window(GOOD), trial.window(BAD)], [7, 3])
  assert.deepEqual(trial.decided(), [
    '6 -> 7 increase_concurrency latency_low',
    '7 -> 3 decrease_concurrency error_rate_high',
  ])
  assert.equal(trial.lane.snapshot(trial.nowMs).lastDecision?.decision.reason, 'error_rate_high')
  assert.equal(trial.lane.snapshot(trial.nowMs).lastDecision?.atMs, 4000)
})

test('the law stays within minConcurrent and maxConcurrent', () => {
  const trial = new Trial({ minConcurrent: 3, maxConcurrent: 5 })
  assert.deepEqual([trial.window(GOOD), trial.window(BAD), trial.window(BAD)], [5, 3, 3])
})

test('a window in which every verdict is ignored leads to no decision', () => {
  const trial = new Trial({ startConcurrent: 6 })
  assert.equal(trial.window({ cause: 'completed', verdict: 'ignored', latencyMs: 9000 }), 6)
  assert.deepEqual(trial.decided(), [])
})

test('under the law fixed no measurement moves the limit', () => {
  const trial = new Trial({ startConcurrent: 6, controller: { algorithm: 'fixed' } })
  assert.deepEqual([trial.window(GOOD), trial.window(BAD), trial.window(GOOD)], [6, 6, 6])
  assert.deepEqual(trial.decided(), [])
  assert.equal(trial.lane.wakeAtMs(), Infinity)
})

test("an operator's pin stops the law", () => {
  const trial = new Trial()
  trial.lane.operate({ limit: 4 }, 0)
  assert.deepEqual([trial.window(BAD), trial.window(GOOD)], [4, 4])
  assert.deepEqual(trial.decided(), ['8 -> 4 decrease_concurrency operator'])
  assert.equal(trial.lane.wakeAtMs(), Infinity)
})

test('calls that ended before an operator moved the limit do not count afterwards', () => {
  const trial = new Trial()
  for (let i = 0; i < 20; i++) {
    const admission = trial.lane.admit({ spread: 0 }, 0)
    if (admission.kind === 'granted') trial.lane.settle(admission.lease, BAD, 0)
  }
  assert.equal(trial.lane.wakeAtMs(), 2000)
  trial.lane.operate({ limit: 4 }, 10)
  trial.lane.operate({ limit: 'auto' }, 20)
  assert.equal(trial.lane.wakeAtMs(), Infinity)
  assert.equal(trial.window(GOOD), 8)
})

test("'auto' restores the limit from before the first pin, and the law continues", () => {
  const trial = new Trial({ startConcurrent: 6 })
  trial.lane.operate({ limit: 2 }, 0)
  trial.lane.operate({ limit: 8 }, 0)
  trial.lane.operate({ limit: 'auto' }, 0)
  assert.equal(trial.limit, 6)
  assert.equal(trial.lane.snapshot(0).pinned, false)
  assert.equal(trial.window(GOOD), 7)
})

test("'auto' without a pin changes nothing", () => {
  const trial = new Trial({ startConcurrent: 6 })
  trial.lane.operate({ limit: 'auto' }, 0)
  assert.equal(trial.limit, 6)
})

test('a pin with an end is over at that time', () => {
  const trial = new Trial()
  trial.lane.operate({ limit: 2, forMs: 500 }, 0)
  assert.equal(trial.lane.wakeAtMs(), 500)
  trial.lane.expire(499)
  assert.equal(trial.limit, 2)
  trial.lane.expire(500)
  assert.equal(trial.limit, 8)
  assert.deepEqual(
    trial.events.filter(({ kind }) => kind === 'operated'),
    [
      { kind: 'operated', paused: false, pinned: true },
      { kind: 'operated', paused: false, pinned: false },
    ],
  )
})

test('a pin outside the bounds is clamped', () => {
  const trial = new Trial({ minConcurrent: 2 })
  trial.lane.operate({ limit: 0 }, 0)
  assert.equal(trial.limit, 2)
  trial.lane.operate({ limit: 1000 }, 0)
  assert.equal(trial.limit, 8)
})

test('a pin below the running calls ends none of them, and no call starts until there is room', () => {
  const trial = new Trial({ maxConcurrent: 2 })
  const admissions = [0, 1, 2].map(() => trial.lane.admit({ spread: 0 }, 0))
  trial.lane.operate({ limit: 1 }, 0)
  assert.deepEqual(trial.lane.depths(), { queueDepth: 1, active: 2, limit: 1 })
  const granted = admissions
    .filter((admission) => admission.kind === 'granted')
    .map(({ lease }) => trial.lane.settle(lease, GOOD, 1).granted.length)
  assert.deepEqual(granted, [0, 1])
})

test('a raised limit hands the new slots to the oldest tickets at once', () => {
  const trial = new Trial({ startConcurrent: 1 })
  for (let i = 0; i < 5; i++) trial.lane.admit({ spread: 0 }, i)
  const { granted } = trial.lane.operate({ limit: 3 }, 10)
  assert.deepEqual(
    granted.map(({ queuedAtMs }) => queuedAtMs),
    [1, 2],
  )
})

test('a paused lane refuses newcomers and keeps its queue, and grants tickets again when the pause ends', () => {
  const trial = new Trial({ maxConcurrent: 1 })
  const first = trial.lane.admit({ spread: 0 }, 0)
  trial.lane.admit({ spread: 0 }, 0)
  trial.lane.operate({ paused: true, forMs: 5000 }, 0)
  const refused = trial.lane.admit({ spread: 0 }, 1000)
  assert.ok(refused.kind === 'refused' && first.kind === 'granted')
  assert.equal(refused.refusal.reason, 'LANE_PAUSED')
  assert.equal(refused.refusal.retryAfterMs, 4000)
  assert.deepEqual(trial.lane.settle(first.lease, GOOD, 2000).granted, [])
  assert.equal(trial.lane.expire(5000).granted.length, 1)
})

test('a ticket reaches its TTL also while its lane is paused', () => {
  const trial = new Trial({ maxConcurrent: 1, ttlMs: 100 })
  trial.lane.admit({ spread: 0 }, 0)
  trial.lane.admit({ spread: 0 }, 0)
  trial.lane.operate({ paused: true }, 0)
  assert.equal(trial.lane.expire(100).refused.length, 1)
})
