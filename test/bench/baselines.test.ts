/**
 * One known property of each published law, so that nobody is beaten by a caricature.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Correlation } from '../../bench/control/baselines/correlation.ts'
import { EnvoyGradient } from '../../bench/control/baselines/envoy.ts'
import { Failsafe } from '../../bench/control/baselines/failsafe.ts'
import { NetflixAimd } from '../../bench/control/baselines/netflix-aimd.ts'
import { PerCallLimiter, WarmedAverage, log10Step } from '../../bench/control/baselines/per-call.ts'
import type { CallSample, PerCallLaw } from '../../bench/control/baselines/per-call.ts'
import { VectorArc } from '../../bench/control/baselines/vector-arc.ts'
import { Vegas } from '../../bench/control/baselines/vegas.ts'

const BOUNDS = { min: 1, max: 200 }

function tell(law: PerCallLaw, sample: Partial<CallSample>, times = 1): number {
  const { rttMs = 100, inFlightAtStart = 20, inFlight = 20, isDropped = false, nowMs = 0 } = sample
  for (let i = 0; i < times; i++)
    law.sample({ rttMs, inFlightAtStart, inFlight, isDropped, nowMs: nowMs + 20 * i }, BOUNDS)
  return law.estimate
}

test('Netflix AIMD adds 1 while half the limit is in flight, takes 10 % off for a drop or a call over 5 s', () => {
  assert.equal(tell(new NetflixAimd(20), { inFlightAtStart: 10 }), 21)
  assert.equal(tell(new NetflixAimd(20), { inFlightAtStart: 9 }), 20)
  assert.equal(tell(new NetflixAimd(20), { isDropped: true }), 18)
  assert.equal(tell(new NetflixAimd(20), { rttMs: 5001 }), 18)
  assert.equal(tell(new NetflixAimd(3), { isDropped: true }), 2)
})

test('Vegas grows fast without a queue, slowly with a small one, and shrinks with a large one', () => {
  const after = (rttMs: number): number => {
    const law = new Vegas(20)
    tell(law, { rttMs: 100 })
    return tell(law, { rttMs })
  }
  // queue = ceil(20 x (1 - 100 / rtt)) = 1, 2, 5, 10.
  assert.deepEqual([105, 110, 130, 200].map(after), [26, 21, 20, 19])
})

test('Vegas is poisoned by one lucky call (concurrency-limits #37)', () => {
  const law = new Vegas(20)
  tell(law, { rttMs: 1 })
  assert.ok(tell(law, { rttMs: 100 }, 50) < 10)
})

test("Envoy's gradient measures at 3 at once, then follows minRTT over the sample", () => {
  const envoy = new EnvoyGradient('envoy', 100)
  const call = { grantedAtMs: 0, waitedMs: 0 }
  const end = { cause: 'completed', verdict: 'ok' } as const
  assert.equal(envoy.step(16, BOUNDS, 0)?.limit, 3)
  for (let i = 0; i < 50; i++) envoy.ended(call, { ...end, latencyMs: 100 }, 1000)
  for (let i = 0; i < 5; i++) envoy.ended(call, { ...end, latencyMs: 100 }, 1050)
  // 3 x 1.25 + sqrt(3 x 1.25) = 5.69.
  assert.equal(envoy.step(3, BOUNDS, 1100)?.limit, 5)
  for (let i = 0; i < 5; i++) envoy.ended(call, { ...end, latencyMs: 1000 }, 1150)
  // The gradient is never below 0.5: 2.5 + 1.58.
  assert.equal(envoy.step(5, BOUNDS, 1200)?.limit, 4)
})

test("Envoy's windows starve without calls: an empty one changes nothing", () => {
  const envoy = new EnvoyGradient('envoy', 100)
  for (let i = 0; i < 50; i++)
    envoy.ended({ grantedAtMs: 0, waitedMs: 0 }, { cause: 'completed', verdict: 'ok', latencyMs: 100 }, 1000)
  assert.equal(envoy.step(3, BOUNDS, 1100), undefined)
})

test("Vector's ARC adds 1 a round trip once the limit was reached, and takes 10 % off on back-pressure", () => {
  const law = new VectorArc()
  tell(law, { inFlightAtStart: 1, nowMs: 0 })
  tell(law, { inFlightAtStart: 1, nowMs: 150 })
  assert.equal(law.estimate, 2)
  tell(law, { inFlightAtStart: 1, rttMs: 90, nowMs: 300 })
  assert.equal(law.estimate, 2, 'not reached')
  law.estimate = 20
  assert.equal(tell(law, { isDropped: true, nowMs: 500 }), 18)
})

test('failsafe-go grows by log10 while latency is flat, and shrinks while it climbs', () => {
  const law = new Failsafe(20)
  let nowMs = 0
  const window = (rttMs: number): void => {
    tell(law, { rttMs, nowMs, inFlight: 10, inFlightAtStart: 10 }, 60)
    nowMs += 2000
  }
  for (let i = 0; i < 20; i++) window(100)
  const flat = law.estimate
  assert.ok(flat > 20)
  for (let i = 0; i < 10; i++) window(100 * 1.5 ** i)
  assert.ok(law.estimate < flat)
})

test('failsafe-go never holds more than 5 times what was in flight', () => {
  const law = new Failsafe(40)
  tell(law, { inFlightAtStart: 2, inFlight: 2 }, 60)
  assert.equal(law.estimate, 39)
})

test('a correlation is 1 for a line, -1 for a falling one, 0 before it is warm or without variation', () => {
  const of = (y: (x: number) => number, count = 20): number => {
    const window = new Correlation(50, 10)
    let last = 0
    for (let x = 1; x <= count; x++) last = window.add(x, y(x)).correlation
    return Number(last.toFixed(6))
  }
  assert.deepEqual([of((x) => 2 * x), of((x) => -x + 100), of(() => 5), of((x) => x, 9)], [1, -1, 0, 0])
})

test('a warmed average is the mean at first, then weighted by 2 / (window + 1)', () => {
  const average = new WarmedAverage(9, 2)
  assert.deepEqual(
    [10, 20, 25].map((value) => average.add(value)),
    [10, 15, 17],
  )
})

test('the step of Vegas and its descendants is log10 rounded down, at least 1', () => {
  assert.deepEqual([1, 9, 99, 100, 1000].map(log10Step), [1, 1, 1, 2, 3])
})

test('a law hears of drops by callers who gave up, and not of requests that were wrong', () => {
  const law = new NetflixAimd(20)
  const limiter = new PerCallLimiter(law, BOUNDS)
  const call = { grantedAtMs: 0, waitedMs: 0 }
  limiter.sent(call, 20)
  limiter.ended(call, { cause: 'completed', verdict: 'ignored' }, 10)
  assert.equal(limiter.step(20, BOUNDS), undefined)
  limiter.sent(call, 20)
  limiter.ended(call, { cause: 'cancelled', verdict: 'ignored' }, 10)
  assert.equal(limiter.step(20, BOUNDS)?.limit, 18)
})
