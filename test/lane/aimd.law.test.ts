/**
 * The law `aimd` with the figures of the seed document: a table of windows with the limit that follows from each, and any
 * figures against the document's own function. When a window closes is in aimd.window.test.ts.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { nextLimit } from '../../src/lane/limit/aimd.ts'
import type { Action, ActionReason } from '../../src/lane/limit/limiter.ts'
import { SEED_LAW } from '../support/lane-settings.ts'

const BOUNDS = { min: 1, max: 16 }

interface Row {
  readonly name: string
  readonly limit?: number
  readonly min?: number
  readonly p95Ms?: number | undefined
  readonly errorRate?: number
  readonly used?: boolean
  readonly next: number
  readonly action: Action
  readonly reason: ActionReason
}

const ROWS: readonly Row[] = [
  {
    name: 'takes 2 off when p95 is 4001 ms',
    p95Ms: 4001,
    next: 6,
    action: 'decrease_concurrency',
    reason: 'latency_high',
  },
  { name: 'holds when p95 is 4000 ms', p95Ms: 4000, next: 8, action: 'hold', reason: 'in_band' },
  {
    name: 'does not halve at an error rate of 0.1',
    errorRate: 0.1,
    next: 8,
    action: 'hold',
    reason: 'in_band',
  },
  {
    name: 'halves at an error rate of 0.11',
    errorRate: 0.11,
    next: 4,
    action: 'decrease_concurrency',
    reason: 'error_rate_high',
  },
  {
    name: 'rounds the half down',
    limit: 7,
    errorRate: 0.11,
    next: 3,
    action: 'decrease_concurrency',
    reason: 'error_rate_high',
  },
  {
    name: 'halves when both p95 and the error rate are too high',
    p95Ms: 9000,
    errorRate: 0.5,
    next: 4,
    action: 'decrease_concurrency',
    reason: 'error_rate_high',
  },
  {
    name: 'halves without any measured latency',
    p95Ms: undefined,
    errorRate: 1,
    next: 4,
    action: 'decrease_concurrency',
    reason: 'error_rate_high',
  },
  {
    name: 'adds 1 when p95 is 1199 ms and the error rate 0.019',
    p95Ms: 1199,
    errorRate: 0.019,
    next: 9,
    action: 'increase_concurrency',
    reason: 'latency_low',
  },
  { name: 'holds when p95 is 1200 ms', p95Ms: 1200, next: 8, action: 'hold', reason: 'in_band' },
  {
    name: 'holds at an error rate of 0.02',
    p95Ms: 1199,
    errorRate: 0.02,
    next: 8,
    action: 'hold',
    reason: 'in_band',
  },
  {
    name: 'holds when no call was measured',
    p95Ms: undefined,
    next: 8,
    action: 'hold',
    reason: 'no_latency',
  },
  {
    name: 'does not grow when the limit was not used',
    p95Ms: 10,
    used: false,
    next: 8,
    action: 'hold',
    reason: 'limit_not_used',
  },
  {
    name: 'shrinks also when the limit was not used',
    p95Ms: 4001,
    used: false,
    next: 6,
    action: 'decrease_concurrency',
    reason: 'latency_high',
  },
  {
    name: 'grows up to the maximum',
    limit: 15,
    p95Ms: 10,
    next: 16,
    action: 'increase_concurrency',
    reason: 'latency_low',
  },
  { name: 'stays at the maximum', limit: 16, p95Ms: 10, next: 16, action: 'hold', reason: 'at_maximum' },
  {
    name: 'never goes below 1 by latency',
    limit: 2,
    p95Ms: 4001,
    next: 1,
    action: 'decrease_concurrency',
    reason: 'latency_high',
  },
  { name: 'stays at 1 by latency', limit: 1, p95Ms: 4001, next: 1, action: 'hold', reason: 'at_minimum' },
  { name: 'stays at 1 by errors', limit: 1, errorRate: 1, next: 1, action: 'hold', reason: 'at_minimum' },
  {
    name: 'halves down to the configured minimum at most',
    limit: 8,
    min: 6,
    errorRate: 1,
    next: 6,
    action: 'decrease_concurrency',
    reason: 'error_rate_high',
  },
  {
    name: 'takes 2 off down to the configured minimum at most',
    limit: 7,
    min: 6,
    p95Ms: 4001,
    next: 6,
    action: 'decrease_concurrency',
    reason: 'latency_high',
  },
]

for (const row of ROWS) {
  test(`the seed's law ${row.name}`, () => {
    const p95Ms = 'p95Ms' in row ? row.p95Ms : 2000
    const figures = { calls: 100, errorRate: row.errorRate ?? 0, p95Ms }
    const law = { ...SEED_LAW, min: row.min ?? BOUNDS.min, max: BOUNDS.max }
    const decision = nextLimit(row.limit ?? 8, { figures, used: row.used ?? true }, law)
    assert.deepEqual(decision, { limit: row.next, action: row.action, reason: row.reason, figures })
  })
}

/** The seed document's function, in its own words. */
function nextConcurrency(current: number, p95Ms: number, errorRate: number): number {
  if (errorRate > 0.1) return Math.max(1, Math.floor(current / 2))
  if (p95Ms > 4000) return Math.max(1, current - 2)
  if (p95Ms < 1200 && errorRate < 0.02) return Math.min(current + 1, 16)
  return current
}

test("a used limit moves exactly as the seed's function says, for any figures", () => {
  const rates = fc.oneof(
    fc.constantFrom(0, 0.019, 0.02, 0.1, 0.11, 1),
    fc.double({ min: 0, max: 1, noNaN: true }),
  )
  const latencies = fc.oneof(fc.constantFrom(1199, 1200, 4000, 4001), fc.nat(10_000))
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 16 }), latencies, rates, (limit, p95Ms, errorRate) => {
      const figures = { calls: 50, errorRate, p95Ms }
      const decision = nextLimit(limit, { figures, used: true }, { ...SEED_LAW, ...BOUNDS })
      assert.equal(decision.limit, nextConcurrency(limit, p95Ms, errorRate))
      assert.equal(decision.action === 'hold', decision.limit === limit)
    }),
    { numRuns: 2000 },
  )
})

test('configured figures replace those of the seed document', () => {
  const law = {
    ...SEED_LAW,
    decreaseAboveP95Ms: 100,
    decreaseBy: 3,
    increaseBelowP95Ms: 50,
    increaseBy: 4,
    ...BOUNDS,
  }
  const at = (p95Ms: number) =>
    nextLimit(8, { figures: { calls: 9, errorRate: 0, p95Ms }, used: true }, law).limit
  assert.deepEqual([at(101), at(100), at(49)], [5, 8, 12])
})
