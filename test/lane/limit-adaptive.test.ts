/**
 * The law `adaptive`: properties over random samples, and its course in the situations that it was designed for.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AdaptiveLimiter } from '../../src/lane/limit/adaptive.ts'
import { nextState } from '../../src/lane/limit/adaptive-law.ts'
import { initialState } from '../../src/lane/limit/adaptive-state.ts'
import type { Sample } from '../../src/lane/limit/adaptive-state.ts'
import { ACTION_REASONS } from '../../src/lane/limit/limiter.ts'
import type { LimitRange, CallEnd, Decision } from '../../src/lane/limit/limiter.ts'

const readings = fc
  .record({
    medianMs: fc.double({ min: 0.001, max: 1e7, noNaN: true }),
    calls: fc.nat(600),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    quartile: fc.double({ min: 0, max: 1, noNaN: true }),
    isBound: fc.boolean(),
  })
  .map(({ medianMs, calls, share, quartile, isBound }) => ({
    medianMs,
    quartileMs: isBound ? undefined : medianMs * quartile,
    answered: Math.floor(calls * share),
    calls,
    isBound,
  }))

/** Random samples, impossible ones included. */
const samples: fc.Arbitrary<Omit<Sample, 'nowMs'>> = fc
  .record({
    calls: fc.nat(200),
    failedShare: fc.double({ min: 0, max: 1, noNaN: true }),
    ended: fc.nat(400),
    peak: fc.nat(100),
    inToolRatio: fc.double({ min: 0, max: 1, noNaN: true }),
    perMs: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 10, noNaN: true })),
    fast: readings,
    slow: readings,
    before: fc.option(readings, { nil: undefined }),
  })
  .map(({ failedShare, ...rest }) => {
    const failed = Math.floor(rest.calls * failedShare)
    return { ...rest, failed, abandoned: failed >> 1, used: rest.peak }
  })

const bounds: fc.Arbitrary<LimitRange> = fc
  .record({ min: fc.integer({ min: 1, max: 5 }), over: fc.nat(60) })
  .map(({ min, over }) => ({ min, max: min + over }))

test('for any samples the limit is a number within the bounds and the reason is one of the closed set', () => {
  fc.assert(
    fc.property(bounds, fc.array(samples, { minLength: 1, maxLength: 60 }), (within, history) => {
      let state = initialState(within.max, 0)
      for (const [step, sample] of history.entries()) {
        const frozen = Object.freeze({ ...state })
        const next = nextState(frozen, { ...sample, nowMs: 500 * (step + 1) }, within)
        assert.ok(next.state.limit >= within.min && next.state.limit <= within.max, JSON.stringify(next))
        assert.ok(ACTION_REASONS.includes(next.reason))
        for (const value of [
          next.state.baseMs ?? 0,
          next.state.averageMs,
          next.state.sigma,
          next.state.growth,
        ])
          assert.ok(Number.isFinite(value), JSON.stringify(next))
        state = next.state
      }
    }),
    { numRuns: 2000 },
  )
})

test('the same state and sample give the same step', () => {
  fc.assert(
    fc.property(samples, bounds, (sample, within) => {
      const state = initialState(within.min, 0)
      const at = { ...sample, nowMs: 700 }
      assert.deepEqual(nextState(state, at, within), nextState(state, at, within))
    }),
  )
})

interface Tool {
  /** Milliseconds that a call takes with this many calls in flight. */
  readonly latencyMs: (active: number, nowMs: number) => number
  readonly isFailed?: (index: number, nowMs: number) => boolean
}

/** A saturated lane: as many calls as the limit allows, all the time, against a tool without random variation. */
function saturate(
  tool: Tool,
  times: { readonly forMs: number; readonly start?: number; readonly max?: number },
) {
  const limiter = new AdaptiveLimiter()
  const within = { min: 1, max: times.max ?? 100 }
  const running: { call: { grantedAtMs: number; waitedMs: number }; endsAtMs: number; index: number }[] = []
  const decisions: (Decision & { readonly atMs: number })[] = []
  let limit = times.start ?? 10
  let sent = 0
  for (let nowMs = 0; nowMs <= times.forMs; nowMs += 5) {
    for (const { call, index } of running.filter(({ endsAtMs }) => endsAtMs <= nowMs)) {
      const isFailed = tool.isFailed?.(index, nowMs) ?? false
      const end: CallEnd = isFailed
        ? { cause: 'completed', verdict: 'dropped' }
        : { cause: 'completed', verdict: 'ok', latencyMs: nowMs - call.grantedAtMs }
      limiter.ended(call, end, nowMs)
    }
    running.splice(0, running.length, ...running.filter(({ endsAtMs }) => endsAtMs > nowMs))
    const decision = limiter.step(limit, within, nowMs)
    if (decision !== undefined) {
      decisions.push({ ...decision, atMs: nowMs })
      limit = decision.limit
    }
    while (running.length < limit) {
      const call = { grantedAtMs: nowMs, waitedMs: 0 }
      limiter.sent(call)
      // A spread of a third around the mean, without random variation.
      const latencyMs = tool.latencyMs(running.length + 1, nowMs) * (0.8 + 0.1 * (sent % 5))
      running.push({ call, endsAtMs: nowMs + latencyMs, index: sent++ })
    }
  }
  return { limiter, limit, decisions, reasons: new Set(decisions.map(({ reason }) => reason)) }
}

const pool = (servers: number) => (active: number) => 200 * Math.max(1, active / servers)

test('the limit finds a capacity above its start and stays near it', () => {
  const { limit } = saturate({ latencyMs: pool(40) }, { forMs: 30_000 })
  assert.ok(limit >= 34 && limit <= 60, `${limit}`)
})

test('the limit finds a capacity below its start', () => {
  const { limit, reasons } = saturate({ latencyMs: pool(5) }, { forMs: 30_000, start: 40 })
  assert.ok(limit <= 9, `${limit}`)
  assert.ok(reasons.has('calibrated'))
})

test('the limit finds a capacity below its start when it starts at maxConcurrent', () => {
  const { limit } = saturate({ latencyMs: pool(5) }, { forMs: 30_000, start: 40, max: 40 })
  assert.ok(limit <= 9, `${limit}`)
})

test('the limit grows to maxConcurrent with a tool without a bound, and stays there', () => {
  const { limit, decisions } = saturate({ latencyMs: () => 100 }, { forMs: 20_000 })
  assert.equal(limit, 100)
  assert.equal(decisions.at(-1)?.reason, 'at_maximum')
})

test('after a capacity drop the limit is down within 6 s', () => {
  const dropAtMs = 20_000
  const latencyMs = (active: number, nowMs: number): number => pool(nowMs < dropAtMs ? 40 : 10)(active)
  const { decisions } = saturate({ latencyMs }, { forMs: 40_000 })
  const down = decisions.find(({ atMs, limit }) => atMs > dropAtMs && limit <= 26)
  assert.ok(down !== undefined && down.atMs <= dropAtMs + 6000, `${down?.atMs}`)
  assert.ok(decisions.some(({ reason }) => reason === 'latency_high'))
})

test('after one cut a latency that does not depend on the limit becomes the base latency, and the limit is restored', () => {
  const latencyMs = (_active: number, nowMs: number): number => (nowMs < 20_000 ? 100 : 400)
  const { limit, reasons } = saturate({ latencyMs }, { forMs: 60_000 })
  assert.ok(reasons.has('cut_disproved'), [...reasons].join())
  assert.equal(limit, 100)
})

test('the limit is cut for a hanging tool before any hanging call has ended', () => {
  const latencyMs = (_active: number, nowMs: number): number => (nowMs < 20_000 ? 100 : 1e9)
  const { decisions } = saturate({ latencyMs }, { forMs: 25_000 })
  const braked = decisions.find(({ atMs, reason }) => atMs > 20_000 && reason === 'latency_high')
  assert.ok(braked !== undefined && braked.atMs <= 22_000, `${braked?.atMs}`)
})

test('errors halve the limit, and if they continue the limit is restored and the errors are tolerated', () => {
  const isFailed = (index: number, nowMs: number): boolean => nowMs > 10_000 && index % 2 === 0
  const { limit, reasons } = saturate({ latencyMs: () => 100, isFailed }, { forMs: 40_000, max: 40 })
  assert.ok(reasons.has('error_rate_high') && reasons.has('errors_unrelated'), [...reasons].join())
  assert.ok(limit >= 30, `${limit}`)
})

test('cancelled calls never count as errors that do not depend on load', () => {
  const limiter = new AdaptiveLimiter()
  let limit = 40
  const reasons = new Set<string>()
  for (let nowMs = 0; nowMs < 60_000; nowMs += 100) {
    const call = { grantedAtMs: nowMs, waitedMs: 0 }
    limiter.sent(call)
    limiter.ended(call, { cause: 'cancelled', verdict: 'dropped' }, nowMs)
    const decision = limiter.step(limit, { min: 1, max: 40 }, nowMs)
    if (decision !== undefined) reasons.add(decision.reason)
    limit = decision?.limit ?? limit
  }
  assert.equal(limit, 1)
  assert.ok(!reasons.has('errors_unrelated'))
})

test('a limit that is not used does not grow', () => {
  const limiter = new AdaptiveLimiter()
  for (let nowMs = 0; nowMs < 60_000; nowMs += 50) {
    const call = { grantedAtMs: nowMs, waitedMs: 0 }
    limiter.sent(call)
    limiter.ended(call, { cause: 'completed', verdict: 'ok', latencyMs: 40 }, nowMs + 40)
    const decision = limiter.step(10, { min: 1, max: 100 }, nowMs + 40)
    assert.ok(decision === undefined || decision.limit === 10)
  }
})

test('a fast 404 counts neither as an error nor as a latency', () => {
  const limiter = new AdaptiveLimiter()
  for (let nowMs = 0; nowMs < 20_000; nowMs += 10) {
    const call = { grantedAtMs: nowMs, waitedMs: 0 }
    limiter.sent(call)
    limiter.ended(call, { cause: 'completed', verdict: 'ignored' }, nowMs + 1)
    const decision = limiter.step(10, { min: 1, max: 100 }, nowMs + 1)
    assert.ok(decision === undefined || (decision.limit === 10 && decision.figures.errorRate === 0))
  }
})

test('an idle lane has no step due', () => {
  const limiter = new AdaptiveLimiter()
  const call = { grantedAtMs: 0, waitedMs: 0 }
  limiter.sent(call)
  assert.equal(limiter.wakeAtMs(), 500)
  limiter.ended(call, { cause: 'completed', verdict: 'ok', latencyMs: 10 }, 10)
  limiter.step(10, { min: 1, max: 10 }, 500)
  limiter.step(10, { min: 1, max: 10 }, 1000)
  assert.equal(limiter.wakeAtMs(), Infinity)
})

test('the law continues from a limit that an operator set', () => {
  const { limiter } = saturate({ latencyMs: () => 100 }, { forMs: 5000 })
  limiter.moved(5000)
  const call = { grantedAtMs: 5000, waitedMs: 0 }
  limiter.sent(call)
  const decision = limiter.step(7, { min: 1, max: 100 }, 6000)
  assert.equal(decision?.limit, 7)
  assert.ok(Number.isFinite(decision.figures.medianMs))
})
