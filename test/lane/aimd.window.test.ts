/**
 * When the law `aimd` decides: its window, and the guards that keep it from following noise.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AimdLimiter } from '../../src/lane/limit/aimd.ts'
import type { Decision } from '../../src/lane/limit/limiter.ts'
import type { Verdict } from '../../src/lane/reason.ts'
import { SEED_LAW } from '../support/lane-settings.ts'

const BOUNDS = { min: 1, max: 16 }

interface Calls {
  readonly count: number
  readonly sentAtMs?: number
  readonly latencyMs?: number
  readonly verdict?: Verdict
}

/** A limiter with `active` calls in flight all the time, whose calls all ended at `nowMs`. */
function limiterAfter(calls: Calls, nowMs = 0, active = 8): AimdLimiter {
  const limiter = new AimdLimiter(SEED_LAW)
  feed(limiter, calls, nowMs, active)
  return limiter
}

function feed(limiter: AimdLimiter, calls: Calls, nowMs: number, active = 8): void {
  const { count, sentAtMs = nowMs, latencyMs = 100, verdict = 'ok' } = calls
  const call = { grantedAtMs: sentAtMs, waitedMs: 0 }
  for (let i = 0; i < count; i++) limiter.sent(call, active)
  for (let i = 0; i < count; i++) limiter.ended(call, { cause: 'completed', verdict, latencyMs }, nowMs)
}

const stepAt = (limiter: AimdLimiter, nowMs: number, limit = 8): Decision | undefined =>
  limiter.step(limit, BOUNDS, nowMs)

test('a window does not close before windowSeconds, however many calls it has', () => {
  const limiter = limiterAfter({ count: 500 })
  assert.equal(limiter.wakeAtMs(8), 2000)
  assert.equal(stepAt(limiter, 1999.9), undefined)
  assert.equal(stepAt(limiter, 2000)?.limit, 9)
})

const NEEDED: readonly [limit: number, calls: number][] = [
  [1, 8],
  [3, 8],
  [4, 10],
  [8, 20],
  [15, 38],
  [16, 40],
  [100, 40],
]

for (const [limit, calls] of NEEDED) {
  test(`a window at limit ${limit} needs ${calls} calls to close early`, () => {
    assert.equal(stepAt(limiterAfter({ count: calls - 1 }), 14_999, limit), undefined)
    assert.notEqual(stepAt(limiterAfter({ count: calls }), 2000, limit), undefined)
  })
}

test('a slow window closes at 15 s with 3 calls', () => {
  const limiter = limiterAfter({ count: 3, latencyMs: 4001 })
  assert.equal(limiter.wakeAtMs(8), 15_000)
  assert.equal(stepAt(limiter, 14_999), undefined)
  assert.deepEqual(stepAt(limiter, 15_000), {
    limit: 6,
    action: 'decrease_concurrency',
    reason: 'latency_high',
    figures: { calls: 3, errorRate: 0, p95Ms: 4001 },
  })
})

test('a slow window does not close before a windowSeconds that is longer than 15 s', () => {
  const limiter = new AimdLimiter({ ...SEED_LAW, windowMs: 20_000 })
  feed(limiter, { count: 3 }, 0)
  assert.equal(limiter.wakeAtMs(8), 20_000)
  assert.equal(stepAt(limiter, 19_999), undefined)
  assert.notEqual(stepAt(limiter, 20_000), undefined)
})

test('a window of 2 calls never closes', () => {
  const limiter = limiterAfter({ count: 2 })
  assert.equal(limiter.wakeAtMs(8), Infinity)
  assert.equal(stepAt(limiter, 1e9), undefined)
})

test('a window opens with its first ended call, so that idle time does not close it', () => {
  const limiter = new AimdLimiter(SEED_LAW)
  assert.equal(stepAt(limiter, 60_000), undefined)
  feed(limiter, { count: 20 }, 60_000)
  assert.equal(stepAt(limiter, 61_999), undefined)
  assert.notEqual(stepAt(limiter, 62_000), undefined)
})

test('a closed window passes no calls on to the next one', () => {
  const limiter = limiterAfter({ count: 20, verdict: 'dropped' })
  assert.equal(stepAt(limiter, 2000)?.limit, 4)
  assert.equal(limiter.wakeAtMs(4), Infinity)
  assert.equal(stepAt(limiter, 60_000, 4), undefined)
  feed(limiter, { count: 10 }, 60_000)
  assert.deepEqual(stepAt(limiter, 62_000, 4)?.figures, { calls: 10, errorRate: 0, p95Ms: 100 })
})

test('calls sent before the last change of the limit count as calls, without their latencies', () => {
  const limiter = limiterAfter({ count: 20, latencyMs: 5000 })
  assert.equal(stepAt(limiter, 2000)?.limit, 6)
  feed(limiter, { count: 15, sentAtMs: 1999, latencyMs: 5000 }, 3000)
  const decision = stepAt(limiter, 5000, 6)
  assert.equal(decision?.reason, 'no_latency')
  assert.deepEqual(decision.figures, { calls: 15, errorRate: 0, p95Ms: undefined })
})

test('latencies of calls sent before an operator or a reload moved the limit do not count', () => {
  const limiter = limiterAfter({ count: 19 })
  limiter.moved(1000)
  assert.equal(limiter.wakeAtMs(8), Infinity)
  feed(limiter, { count: 10, sentAtMs: 999, latencyMs: 9000 }, 1500)
  feed(limiter, { count: 10, sentAtMs: 1000, latencyMs: 100 }, 1500)
  assert.deepEqual(stepAt(limiter, 3500)?.figures, { calls: 20, errorRate: 0, p95Ms: 100 })
})

test('after a decision to hold, calls sent before it count in the next window', () => {
  const limiter = limiterAfter({ count: 20, latencyMs: 2000 })
  assert.equal(stepAt(limiter, 2000)?.action, 'hold')
  feed(limiter, { count: 20, sentAtMs: 1000, latencyMs: 5000 }, 3000)
  assert.equal(stepAt(limiter, 5000)?.limit, 6)
})

test('the limit grows only if 80 % of it was in flight', () => {
  assert.equal(stepAt(limiterAfter({ count: 25 }, 0, 8), 2000, 10)?.reason, 'latency_low')
  assert.equal(stepAt(limiterAfter({ count: 25 }, 0, 7), 2000, 10)?.reason, 'limit_not_used')
})

for (const [waited, reason] of [
  [6, 'limit_not_used'],
  [7, 'latency_low'],
] as const) {
  test(`growth is ${waited > 6 ? '' : 'not '}allowed when ${waited} of 20 calls had to wait and few were in flight`, () => {
    const limiter = new AimdLimiter(SEED_LAW)
    const call = { grantedAtMs: 0, waitedMs: 0 }
    for (let i = 0; i < 20; i++) limiter.sent({ ...call, waitedMs: i < waited ? 1 : 0 }, 1)
    for (let i = 0; i < 20; i++) limiter.ended(call, { cause: 'completed', verdict: 'ok', latencyMs: 10 }, 0)
    assert.equal(stepAt(limiter, 2000)?.reason, reason)
  })
}

test('use of the limit in one window does not let it grow after the next window', () => {
  const limiter = limiterAfter({ count: 20 }, 0, 8)
  for (let i = 0; i < 20; i++) limiter.sent({ grantedAtMs: 0, waitedMs: 1 }, 1)
  assert.equal(stepAt(limiter, 2000)?.limit, 9)
  feed(limiter, { count: 23 }, 3000, 1)
  assert.equal(stepAt(limiter, 5000, 9)?.reason, 'limit_not_used')
})

test('calls with the verdict ignored open no window and do not count', () => {
  const limiter = limiterAfter({ count: 100, verdict: 'ignored', latencyMs: 9000 })
  assert.equal(limiter.wakeAtMs(8), Infinity)
  feed(limiter, { count: 20 }, 5000)
  feed(limiter, { count: 100, verdict: 'ignored', latencyMs: 9000 }, 5000)
  assert.deepEqual(stepAt(limiter, 7000)?.figures, { calls: 20, errorRate: 0, p95Ms: 100 })
})

test('a dropped call counts as an error and its latency is not used', () => {
  const limiter = limiterAfter({ count: 2, verdict: 'dropped', latencyMs: 1 })
  feed(limiter, { count: 38, latencyMs: 3000 }, 0)
  assert.deepEqual(stepAt(limiter, 2000)?.figures, { calls: 40, errorRate: 0.05, p95Ms: 3000 })
})

test('a window of dropped calls alone has an error rate and no p95', () => {
  const decision = stepAt(limiterAfter({ count: 20, verdict: 'dropped' }), 2000)
  assert.deepEqual(decision?.figures, { calls: 20, errorRate: 1, p95Ms: undefined })
})

test('a call without a measured latency counts as a call', () => {
  const limiter = new AimdLimiter(SEED_LAW)
  const end = { cause: 'completed', verdict: 'ok', latencyMs: undefined } as const
  for (let i = 0; i < 20; i++) limiter.ended({ grantedAtMs: 0, waitedMs: 0 }, end, 0)
  assert.equal(stepAt(limiter, 2000)?.reason, 'no_latency')
})

test('a window can close when its timer fires, also at fractions of a millisecond', () => {
  for (let tenths = 0; tenths < 10_000; tenths++) {
    const limiter = limiterAfter({ count: 20 }, tenths / 10)
    assert.notEqual(stepAt(limiter, limiter.wakeAtMs(8)), undefined, `opened at ${tenths / 10} ms`)
  }
})
