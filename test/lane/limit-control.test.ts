/**
 * LimitControl without a lane: how the law, an operator and a new configuration move the limit, and how many slots the
 * fleet leaves of it. The law is a fake with scripted decisions.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LimitControl } from '../../src/lane/limit-control.ts'
import type { Decision, Limiter } from '../../src/lane/limit/limiter.ts'
import type { LaneSettings } from '../../src/lane/settings.ts'
import { laneSettings } from '../support/lane-settings.ts'

const FIGURES = { calls: 0, errorRate: 0 }

/** A fake law that decides these limits, one each step, and records the limits that it was asked about. */
function open(wants: number[], overrides: Partial<LaneSettings> = {}) {
  const asked: number[] = []
  const moves: string[] = []
  let told = 0
  const limiter: Limiter = {
    algorithm: 'script',
    sent: () => undefined,
    ended: () => undefined,
    moved: () => told++,
    wakeAtMs: () => 700,
    step: (limit): Decision | undefined => {
      asked.push(limit)
      const wanted = wants.shift()
      if (wanted === undefined) return undefined
      const action = wanted > limit ? 'increase_concurrency' : 'decrease_concurrency'
      return { limit: wanted, action, reason: 'testing', figures: FIGURES }
    },
  }
  const settings = laneSettings({ minConcurrent: 2, maxConcurrent: 20, startConcurrent: 10, ...overrides })
  const control = new LimitControl(settings, {
    limiterOf: () => limiter,
    figures: () => FIGURES,
    decided: ({ limit, action, reason }, from) => moves.push(`${from} -> ${limit} ${action} ${reason}`),
  })
  return { control, settings, asked, moves, timesMoved: () => told }
}

test('a decision of the law becomes the limit, and its event has the limit before', () => {
  const { control, moves } = open([12, 8])
  control.step(0)
  control.step(5)
  control.step(9)
  assert.equal(control.limit, 8)
  assert.deepEqual(moves, ['10 -> 12 increase_concurrency testing', '12 -> 8 decrease_concurrency testing'])
  assert.deepEqual([control.lastDecision?.decision.limit, control.lastDecision?.atMs], [8, 5])
})

test('a pin stops the law, and its end restores the previous limit', () => {
  const { control, asked, moves } = open([12, 15])
  control.step(0)
  control.override.obey({ limit: 4, forMs: 100 }, 10)
  control.followOverride(10)
  control.step(20)
  assert.deepEqual([control.limit, control.nextDueAtMs()], [4, 110])
  assert.equal(control.override.expire(110), true)
  control.followOverride(110)
  assert.equal(control.limit, 12)
  control.step(120)
  assert.deepEqual([asked, control.limit], [[10, 12], 15])
  assert.deepEqual(moves.slice(1, 3), [
    '12 -> 4 decrease_concurrency operator',
    '4 -> 12 increase_concurrency operator',
  ])
})

test('a pin is held within minConcurrent and maxConcurrent', () => {
  const { control } = open([])
  for (const [limit, expected] of [
    [1, 2],
    [100, 20],
  ] as const) {
    control.override.obey({ limit }, 0)
    control.followOverride(0)
    assert.equal(control.limit, expected)
  }
})

test('the law is told when an operator moved the limit', () => {
  const { control, timesMoved } = open([])
  control.override.obey({ limit: 4 }, 0)
  control.followOverride(0)
  control.followOverride(1)
  assert.equal(timesMoved(), 1)
})

test('the slots of the fleet bound the running calls below the limit until their end', () => {
  const { control } = open([])
  assert.deepEqual([control.slots, control.ceiling], [10, Infinity])
  control.cap({ slots: 3, untilMs: 500, isShut: false }, 0)
  assert.deepEqual([control.limit, control.slots, control.nextDueAtMs()], [10, 3, 500])
  control.step(499)
  assert.equal(control.slots, 3)
  control.step(500)
  assert.equal(control.slots, 0)
  control.cap({ slots: 30, untilMs: Infinity, isShut: false }, 600)
  assert.deepEqual([control.slots, control.isShut], [10, false])
})

test('with fewer fleet slots than the limit the law decides about those slots and cannot raise the limit', () => {
  const { control, asked, moves } = open([7, 4])
  control.cap({ slots: 6, untilMs: Infinity, isShut: false }, 0)
  control.step(0)
  assert.deepEqual([asked, control.limit], [[6], 10])
  assert.deepEqual(moves, ['10 -> 10 hold testing'])
  control.step(1)
  assert.equal(control.limit, 4)
})

test('a new configuration bounds the limit, and a limit at maxConcurrent rises with it', () => {
  const { control, settings, moves } = open([20])
  control.step(0)
  control.reconfigure({ ...settings, maxConcurrent: 30 }, 1)
  assert.equal(control.limit, 30)
  control.reconfigure({ ...settings, maxConcurrent: 5 }, 2)
  assert.equal(control.limit, 5)
  control.reconfigure({ ...settings, minConcurrent: 1, maxConcurrent: 5, startConcurrent: 3 }, 3)
  assert.equal(control.limit, 5)
  assert.deepEqual(moves.slice(1), [
    '20 -> 30 increase_concurrency configuration',
    '30 -> 5 decrease_concurrency configuration',
  ])
})

test('during a pin a new configuration moves the limit that is restored after it', () => {
  const { control, settings } = open([20])
  control.step(0)
  control.override.obey({ limit: 4 }, 1)
  control.followOverride(1)
  control.reconfigure({ ...settings, maxConcurrent: 30 }, 2)
  assert.equal(control.limit, 4)
  control.override.obey({ limit: 'auto' }, 3)
  control.followOverride(3)
  assert.equal(control.limit, 30)
})

test('a fixed limit follows startConcurrent', () => {
  const { control, settings } = open([], { controller: { algorithm: 'fixed' } })
  control.reconfigure({ ...settings, startConcurrent: 6 }, 1)
  assert.equal(control.limit, 6)
})

test('the next due time is the earliest of the law, the override and the fleet', () => {
  const { control } = open([])
  assert.equal(control.nextDueAtMs(), 700)
  control.cap({ slots: 5, untilMs: 600, isShut: false }, 0)
  assert.equal(control.nextDueAtMs(), 600)
  control.override.obey({ paused: true, forMs: 550 }, 0)
  assert.equal(control.nextDueAtMs(), 550)
})
