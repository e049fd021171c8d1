/**
 * Random bodies of requests of operators and workers: each is parsed into a valid order, or into one problem with a
 * message.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseLeaseRequest, parseVerdict } from '../../src/listen/lease-request.ts'
import { parseOverrideOrder } from '../../src/listen/override-order.ts'

const KEY = fc.constantFrom(
  'limit',
  'paused',
  'for',
  'job_id',
  'lease_seconds',
  'wait_ms',
  'priority',
  'agent',
  'verdict',
  '__proto__',
  'constructor',
)
const VALUE = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom('auto', '10m', '0s', '999999999d', true, 3, -1, 1e308, 'high', 'ok', '', null),
)
const BODY = fc.oneof(
  fc.dictionary(KEY, VALUE, { maxKeys: 6 }).map((value) => JSON.stringify(value)),
  fc.json(),
  fc.string({ maxLength: 50 }),
  fc.string({ unit: fc.constantFrom(...Array.from('{}[]":,0e-+.\\utf')), maxLength: 50 }),
)
const BOUNDS = { min: 1, max: 8 }

test('any body for a lane gives an order within its bounds or one problem', () => {
  fc.assert(
    fc.property(BODY, (body) => {
      const parsed = parseOverrideOrder(body, BOUNDS)
      if (!parsed.ok) return assert.ok(parsed.problem.length > 0)
      const { limit, paused, forMs } = parsed.value
      assert.ok(limit !== undefined || paused !== undefined)
      assert.ok(typeof limit !== 'number' || (Number.isInteger(limit) && limit >= 1 && limit <= 8))
      assert.ok(forMs === undefined || (forMs > 0 && Number.isFinite(forMs)))
    }),
    { numRuns: 1000 },
  )
})

test('any body for a lease gives a request with finite times or one problem', () => {
  fc.assert(
    fc.property(BODY, (body) => {
      const parsed = parseLeaseRequest(body)
      if (!parsed.ok) return assert.ok(parsed.problem.length > 0)
      const { jobId, leaseMs, waitMs } = parsed.value
      assert.ok(jobId === undefined || jobId.length <= 256)
      assert.ok(leaseMs === undefined || (leaseMs > 0 && leaseMs <= 86_400_000))
      assert.ok(waitMs === undefined || (waitMs >= 0 && waitMs <= 86_400_000))
    }),
    { numRuns: 1000 },
  )
})

test('any body for the end of a lease gives a verdict or one problem', () => {
  fc.assert(
    fc.property(BODY, (body) => {
      const parsed = parseVerdict(body)
      assert.ok(parsed.ok ? ['ok', 'dropped', 'ignored'].includes(parsed.value) : parsed.problem.length > 0)
    }),
    { numRuns: 1000 },
  )
})
