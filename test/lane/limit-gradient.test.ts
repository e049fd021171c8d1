/**
 * The law `gradient`: the published formula of Gradient2, with figures computed by hand, and the window of calls that it
 * is computed from.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { GradientLimiter, nextLimit } from '../../src/lane/limit/gradient.ts'

const BOUNDS = { min: 2, max: 100 }
const END = { cause: 'completed', verdict: 'ok', spread: 0 } as const

const ROWS: readonly [limit: number, rttMs: number, longMs: number, next: number][] = [
  // The recent latency equals the long-term one: only the allowance of 4, smoothed by 0.2.
  [20, 100, 100, 20.8],
  // Twice as slow: 0.8 x 20 + 0.2 x (10 + 4).
  [20, 200, 100, 18.8],
  // Ten times as slow counts as twice as slow.
  [20, 1000, 100, 18.8],
  // Faster than the long-term latency counts as equal to it.
  [20, 10, 100, 20.8],
  [100, 100, 100, 100],
  [2, 1000, 1, 2.6],
]

for (const [limit, rttMs, longMs, next] of ROWS) {
  test(`gradient moves ${limit} to ${next} at ${rttMs} ms with a long-term latency of ${longMs} ms`, () => {
    assert.ok(Math.abs(nextLimit(limit, { rttMs, longMs }, BOUNDS) - next) < 1e-9)
  })
}

/** A limiter after a window of equal calls, closed a second later. */
function window(limiter: GradientLimiter, latencyMs: number, atMs: number, lane = { active: 20, limit: 20 }) {
  const { active, limit } = lane
  for (let i = 0; i < 10; i++) limiter.sent({ grantedAtMs: atMs, waitedMs: 0 }, active)
  for (let i = 0; i < 10; i++) limiter.ended({ grantedAtMs: atMs, waitedMs: 0 }, { ...END, latencyMs }, atMs)
  return limiter.step(limit, BOUNDS, atMs + 1000)
}

test('a window needs a second and 10 measured calls', () => {
  const limiter = new GradientLimiter()
  for (let i = 0; i < 9; i++) limiter.ended({ grantedAtMs: 0, waitedMs: 0 }, { ...END, latencyMs: 5 }, 0)
  assert.equal(limiter.wakeAtMs(), Infinity)
  limiter.ended({ grantedAtMs: 0, waitedMs: 0 }, { ...END, latencyMs: 5 }, 10)
  assert.equal(limiter.wakeAtMs(), 1000)
  assert.equal(limiter.step(20, BOUNDS, 999), undefined)
  assert.notEqual(limiter.step(20, BOUNDS, 1000), undefined)
})

test('the limit grows only if half of it was in flight', () => {
  assert.equal(window(new GradientLimiter(), 100, 0, { active: 9, limit: 20 })?.reason, 'limit_not_used')
})

test('gradient gives a reason for each move', () => {
  const limiter = new GradientLimiter()
  window(limiter, 100, 0)
  assert.equal(window(limiter, 100, 2000)?.reason, 'gradient_up')
  assert.equal(window(limiter, 1000, 4000, { active: 20, limit: 21 })?.reason, 'gradient_down')
})

test('errors and calls without a latency are ignored, as published', () => {
  const limiter = new GradientLimiter()
  const call = { grantedAtMs: 0, waitedMs: 0 }
  for (let i = 0; i < 50; i++) limiter.ended(call, { ...END, verdict: 'dropped', latencyMs: 5 }, 0)
  for (let i = 0; i < 50; i++) limiter.ended(call, END, 0)
  assert.equal(limiter.wakeAtMs(), Infinity)
})

test('gradient keeps every limit within the bounds', () => {
  const figures = fc.double({ min: 0.001, max: 1e6, noNaN: true })
  fc.assert(
    fc.property(fc.double({ min: 2, max: 100, noNaN: true }), figures, figures, (limit, rttMs, longMs) => {
      const next = nextLimit(limit, { rttMs, longMs }, BOUNDS)
      assert.ok(next >= BOUNDS.min && next <= BOUNDS.max)
    }),
  )
})
