/**
 * Overload without a lane: at which queue depth and estimated wait the shedding of low-priority calls begins, and at
 * which it ends.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Overload } from '../../src/lane/overload.ts'

const CALM = { depth: 0, maxDepth: 10, estimateMs: 0, ttlMs: 60_000 }

/** Whether low calls are shed after each of these queue depths, which come one millisecond apart. */
function statesAt(depths: readonly number[], maxDepth = 10): boolean[] {
  const overload = new Overload()
  return depths.map((depth, nowMs) => {
    overload.look({ ...CALM, maxDepth, depth }, nowMs)
    return overload.isOn
  })
}

test('shedding begins at four fifths of the queue and ends below half of it', () => {
  assert.deepEqual(statesAt([7, 8, 7, 6, 5, 4, 5, 7, 8]), [
    false,
    true,
    true,
    true,
    true,
    false,
    false,
    false,
    true,
  ])
})

test('with maxQueueDepth 1 a waiting ticket begins the shedding, and with 0 nothing does', () => {
  assert.deepEqual(statesAt([0, 1, 0], 1), [false, true, false])
  assert.deepEqual(statesAt([0, 0], 0), [false, false])
})

test('an estimated wait of more than half the TTL begins the shedding after one second', () => {
  const overload = new Overload()
  const long = { ...CALM, depth: 1, estimateMs: 30_001 }
  assert.equal(overload.look(long, 0), false)
  assert.equal(overload.look(long, 999), false)
  assert.equal(overload.look({ ...long, estimateMs: 30_000 }, 999.5), false)
  assert.equal(overload.look(long, 1100), false)
  assert.equal(overload.look(long, 2100), true)
  assert.equal(overload.isOn, true)
})

test('the shedding ends when the estimated wait falls below a quarter of the TTL or the queue is empty', () => {
  const overload = new Overload()
  const long = { ...CALM, depth: 1, estimateMs: 40_000 }
  overload.look(long, 0)
  overload.look(long, 1000)
  assert.equal(overload.look({ ...long, estimateMs: 15_000 }, 1001), false)
  assert.equal(overload.look({ ...long, estimateMs: 14_999 }, 1002), true)
  overload.look(long, 1003)
  overload.look(long, 2003)
  assert.equal(overload.look({ ...long, depth: 0 }, 2004), true)
  assert.equal(overload.isOn, false)
})
