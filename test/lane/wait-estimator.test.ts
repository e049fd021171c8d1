/**
 * WaitEstimator with given figures of a lane: how long a newcomer would wait, whether that is too long, and the
 * Retry-After of a refused caller.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LaneParts } from '../../src/lane/parts.ts'
import type { LaneReason } from '../../src/lane/reason.ts'
import { WaitEstimator } from '../../src/lane/wait-estimator.ts'
import { laneParts, pushBack, run, wait } from '../support/lane-parts.ts'

/** Ten calls of 200 ms have ended, the last at 0 ms. */
function measured(parts: LaneParts): WaitEstimator {
  const estimator = new WaitEstimator(parts)
  for (let i = 9; i >= 0; i--) estimator.ended(200, -i)
  return estimator
}

const asks = (parts: LaneParts, nowMs: number) => ({
  bounds: parts.settings.retryAfter,
  calls: 1,
  spread: 0,
  nowMs,
})

test('a lane with a free slot and an empty queue has an estimate of 0', () => {
  const parts = laneParts({ maxConcurrent: 4 })
  run(parts, 3)
  assert.equal(measured(parts).waitMs(0), 0)
})

test('slots come free every service time / limit, and the newcomer waits for one more than there are tickets', () => {
  const parts = laneParts({ maxConcurrent: 4 })
  const estimator = measured(parts)
  run(parts, 4)
  assert.equal(estimator.waitMs(0), 50)
  for (let i = 0; i < 7; i++) wait(parts)
  assert.equal(estimator.waitMs(0), 400)
})

test('running calls that are older than the mean service time lengthen the estimate', () => {
  const parts = laneParts({ maxConcurrent: 4 })
  const estimator = measured(parts)
  run(parts, 4)
  assert.equal(estimator.waitMs(200), 50)
  assert.equal(estimator.waitMs(2000), 500)
})

test('the time for which the tool asked callers to wait is added', () => {
  const parts = laneParts({ maxConcurrent: 4 })
  const estimator = measured(parts)
  pushBack(parts, 3000)
  assert.deepEqual([estimator.waitMs(0), estimator.waitMs(1000)], [3000, 2000])
  assert.deepEqual([estimator.toolWaitMs(0), estimator.toolWaitMs(1000)], [3000, 2000])
})

for (const [tickets, ttlMs, expected] of [
  [0, 10_000, undefined],
  [3, 223, undefined],
  [3, 222, 'DEADLINE_UNREACHABLE'],
] as const) {
  test(`behind ${tickets} tickets, with a TTL of ${ttlMs} ms, a wait is ${expected ?? 'worth it'}`, () => {
    const parts = laneParts({ maxConcurrent: 4 })
    // The calls end slowly, so that the pace of the last 5 s is not the better one.
    const estimator = new WaitEstimator(parts)
    for (let i = 9; i >= 0; i--) estimator.ended(200, -i * 1000)
    run(parts, 4)
    for (let i = 0; i < tickets; i++) wait(parts)
    assert.equal(estimator.whyInVain('normal', ttlMs, 0), expected)
  })
}

test('only tickets of the same class or a higher one count for the deadline', () => {
  const parts = laneParts({ maxConcurrent: 1 })
  const estimator = new WaitEstimator(parts)
  for (let i = 9; i >= 0; i--) estimator.ended(1000, -i * 1000)
  run(parts, 1)
  for (let i = 0; i < 5; i++) wait(parts, 'low')
  assert.equal(estimator.whyInVain('high', 1200, 0), undefined)
  assert.equal(estimator.whyInVain('low', 1200, 0), 'DEADLINE_UNREACHABLE')
})

test('a lane without measurements, without running calls or with a free slot refuses no call for its deadline', () => {
  const cold = laneParts({ maxConcurrent: 1 })
  run(cold, 1)
  assert.equal(new WaitEstimator(cold).whyInVain('normal', 1, 0), undefined)
  const idle = laneParts({ maxConcurrent: 1 })
  assert.equal(measured(idle).whyInVain('normal', 1, 0), undefined)
  const free = laneParts({ maxConcurrent: 2 })
  run(free, 1)
  assert.equal(measured(free).whyInVain('normal', 1, 0), undefined)
})

test('each reason has its own Retry-After', () => {
  const told = (reason: LaneReason, state: (parts: LaneParts) => void = () => undefined): number => {
    const parts = laneParts({ maxConcurrent: 1, rate: { calls: 1, perMs: 10_000, burst: 1 } })
    const estimator = new WaitEstimator(parts)
    for (let i = 0; i < 10; i++) estimator.ended(2000, 0)
    run(parts, 1)
    state(parts)
    return estimator.retryAfterMs(reason, asks(parts, 0))
  }
  assert.equal(told('QUEUE_SATURATED'), 2000)
  assert.equal(
    told('RATE_LIMITED', ({ bucket }) => bucket.take(0)),
    10_000,
  )
  assert.equal(
    told('UPSTREAM_THROTTLED', (parts) => pushBack(parts, 7000)),
    7000,
  )
  const pause = (parts: LaneParts) => parts.limitControl.override.obey({ paused: true, forMs: 4000 }, 0)
  assert.equal(told('LANE_PAUSED', pause), 4000)
  assert.equal(told('DRAINING'), 1000)
  assert.equal(told('NO_ROUTE'), 1000)
})

test('callers that are refused in a row get times one slot apart', () => {
  const parts = laneParts({ maxConcurrent: 1 })
  const estimator = new WaitEstimator(parts)
  for (let i = 0; i < 10; i++) estimator.ended(2000, 0)
  run(parts, 1)
  const told = [0, 1, 2].map(() => estimator.retryAfterMs('QUEUE_SATURATED', asks(parts, 0)))
  assert.deepEqual(told, [2000, 4000, 6000])
})
