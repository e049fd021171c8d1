/**
 * A new configuration for a lane at work: the queue and the leases stay, and the limit moves only if a setting of the
 * limit was changed.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Lane } from '../../src/lane/lane.ts'
import type { LaneSettings } from '../../src/lane/settings.ts'
import { SEED_LAW, laneSettings } from '../support/lane-settings.ts'

const FIXED = { algorithm: 'fixed' } as const
const GOOD = { cause: 'completed', verdict: 'ok', latencyMs: 10 } as const

function open(overrides: Partial<LaneSettings>): {
  lane: Lane
  reload: (changes: Partial<LaneSettings>) => number
} {
  const lane = new Lane(laneSettings(overrides), 0, () => undefined)
  const reload = (changes: Partial<LaneSettings>): number => {
    lane.reconfigure(laneSettings({ ...overrides, ...changes }), 0)
    return lane.depths().limit
  }
  return { lane, reload }
}

/** Keeps `limit` slots busy for a window of good calls, after which the law adds one. */
function grow(lane: Lane, limit: number): void {
  for (let round = 0; round < 40; round++) {
    const admissions = Array.from({ length: limit }, () => lane.admit({ spread: 0 }, 0))
    for (const admission of admissions)
      if (admission.kind === 'granted') lane.settle(admission.lease, GOOD, 0)
  }
  lane.expire(2000)
  assert.equal(lane.depths().limit, limit + 1)
}

test('a reload keeps queue and leases, and hands over the slots that it adds', () => {
  const { lane } = open({ maxConcurrent: 1, maxQueueDepth: 5 })
  for (let i = 0; i < 4; i++) lane.admit({ spread: 0 }, i)
  const { granted } = lane.reconfigure(laneSettings({ maxConcurrent: 3, maxQueueDepth: 5 }), 10)
  assert.deepEqual(
    granted.map(({ queuedAtMs }) => queuedAtMs),
    [1, 2],
  )
  assert.deepEqual(lane.depths(), { queueDepth: 1, active: 3, limit: 3 })
})

test('a reload that shortens the queue evicts no ticket, and newcomers are refused until there is room', () => {
  const { lane, reload } = open({ maxConcurrent: 1, maxQueueDepth: 5 })
  for (let i = 0; i < 5; i++) lane.admit({ spread: 0 }, 0)
  reload({ maxQueueDepth: 2 })
  assert.equal(lane.depths().queueDepth, 4)
  assert.equal(lane.admit({ spread: 0 }, 0).kind, 'refused')
})

test('a reload that lowers maxConcurrent lowers the limit with it and leaves running calls alone', () => {
  const { lane, reload } = open({ maxConcurrent: 4 })
  for (let i = 0; i < 4; i++) lane.admit({ spread: 0 }, 0)
  assert.equal(reload({ maxConcurrent: 2, startConcurrent: 2 }), 2)
  assert.equal(lane.depths().active, 4)
})

test('a limit at maxConcurrent rises with it', () => {
  assert.equal(
    open({ maxConcurrent: 4, controller: FIXED }).reload({ maxConcurrent: 9, startConcurrent: 9 }),
    9,
  )
})

test('a limit below maxConcurrent stays where it is when maxConcurrent rises', () => {
  const { reload } = open({ startConcurrent: 3, maxConcurrent: 4 })
  assert.equal(reload({ maxConcurrent: 9 }), 3)
})

test('a reload that changes no limit leaves a limit that had grown to maxConcurrent where it is', () => {
  const { lane, reload } = open({ startConcurrent: 7, maxConcurrent: 8 })
  grow(lane, 7)
  assert.equal(reload({ maxQueueDepth: 50 }), 8)
})

test('a limit that had grown to maxConcurrent does not fall when maxConcurrent rises', () => {
  const { lane, reload } = open({ startConcurrent: 7, maxConcurrent: 8 })
  grow(lane, 7)
  assert.ok(reload({ maxConcurrent: 12 }) >= 8)
})

test('a fixed limit follows a new startConcurrent', () => {
  const { reload } = open({ startConcurrent: 4, maxConcurrent: 8, controller: FIXED })
  assert.equal(reload({ startConcurrent: 6 }), 6)
})

test('a reload keeps the pin of an operator within the new bounds', () => {
  const { lane, reload } = open({ maxConcurrent: 8 })
  lane.operate({ limit: 6 }, 0)
  assert.equal(reload({ maxConcurrent: 10, startConcurrent: 10 }), 6)
  assert.equal(reload({ maxConcurrent: 4, startConcurrent: 4 }), 4)
  assert.equal(lane.snapshot(0).pinned, true)
})

test('a maxConcurrent that was lowered under a pin bounds the limit that is restored', () => {
  const { lane, reload } = open({ maxConcurrent: 8 })
  lane.operate({ limit: 2 }, 0)
  reload({ maxConcurrent: 4, startConcurrent: 4 })
  lane.operate({ limit: 'auto' }, 0)
  assert.equal(lane.depths().limit, 4)
})

test('a fixed limit that is restored after a pin has the value of a reload during the pin', () => {
  const { lane, reload } = open({ maxConcurrent: 8, controller: FIXED })
  lane.operate({ limit: 2 }, 0)
  reload({ maxConcurrent: 12, startConcurrent: 12 })
  lane.operate({ limit: 'auto' }, 0)
  assert.equal(lane.depths().limit, 12)
})

test('a new law starts with an empty window, and an unchanged law keeps its window', () => {
  const { lane, reload } = open({ maxConcurrent: 1 })
  for (let i = 0; i < 20; i++) {
    const admission = lane.admit({ spread: 0 }, 0)
    if (admission.kind === 'granted') lane.settle(admission.lease, GOOD, 0)
  }
  reload({ controller: { ...SEED_LAW }, ttlMs: 5 })
  assert.equal(lane.wakeAtMs(), 2000)
  reload({ controller: { ...SEED_LAW, windowMs: 3000 } })
  assert.equal(lane.wakeAtMs(), Infinity)
})

test('waiting tickets keep their deadline, and new ones get the new TTL', () => {
  const { lane, reload } = open({ maxConcurrent: 1, ttlMs: 100 })
  lane.admit({ spread: 0 }, 0)
  lane.admit({ spread: 0 }, 0)
  reload({ ttlMs: 50 })
  lane.admit({ spread: 0 }, 0)
  assert.equal(lane.expire(50).refused.length, 1)
  assert.equal(lane.expire(99).refused.length, 0)
  assert.equal(lane.expire(100).refused.length, 1)
})

test('a longer leaseMs counts for leases that run already', () => {
  const { lane, reload } = open({ leaseMs: 100 })
  lane.admit({ spread: 0 }, 0)
  reload({ leaseMs: 500 })
  assert.equal(lane.expire(100).reclaimed.length, 0)
  assert.equal(lane.wakeAtMs(), 500)
  assert.equal(lane.expire(500).reclaimed.length, 1)
})
