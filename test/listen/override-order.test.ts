/**
 * The body of an operator's request for a lane: tables of the accepted orders and of the problem that each wrong body
 * is told, and random bodies.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { OverrideOrder } from '../../src/lane/operator-override.ts'
import { parseOverrideOrder } from '../../src/listen/override-order.ts'

const BOUNDS = { min: 2, max: 8 }

const GOOD: readonly [body: string, order: OverrideOrder][] = [
  ['{"limit": 4}', { limit: 4 }],
  ['{"limit": 2}', { limit: 2 }],
  ['{"limit": 8}', { limit: 8 }],
  ['{"limit": "auto"}', { limit: 'auto' }],
  ['{"paused": true}', { paused: true }],
  ['{"paused": false}', { paused: false }],
  ['{"limit": 4, "paused": true, "for": "10m"}', { limit: 4, paused: true, forMs: 600_000 }],
  ['{"paused": true, "for": "250ms"}', { paused: true, forMs: 250 }],
  ['{"paused": true, "for": "30s"}', { paused: true, forMs: 30_000 }],
  ['{"paused": true, "for": "2h"}', { paused: true, forMs: 7_200_000 }],
  ['{"paused": true, "for": "1d"}', { paused: true, forMs: 86_400_000 }],
]

for (const [body, expected] of GOOD) {
  test(`the order ${body} is parsed`, () => {
    const order = { limit: undefined, paused: undefined, forMs: undefined, ...expected }
    assert.deepEqual(parseOverrideOrder(body, BOUNDS), { ok: true, value: order })
  })
}

const BAD: readonly [body: string, problem: RegExp][] = [
  ['', /not JSON/],
  ['{"limit": 4', /not JSON/],
  ['null', /write for example/],
  ['[]', /write for example/],
  ['4', /write for example/],
  ['{}', /nothing to do/],
  ['{"for": "10m"}', /nothing to do/],
  ['{"limit": 1}', /between minConcurrent 2 and maxConcurrent 8/],
  ['{"limit": 9}', /between minConcurrent 2 and maxConcurrent 8/],
  ['{"limit": 0}', /"paused": true/],
  ['{"limit": 4.5}', /limit/],
  ['{"limit": "4"}', /limit/],
  ['{"limit": null}', /limit/],
  ['{"paused": "yes"}', /paused/],
  ['{"paused": true, "for": 10}', /for/],
  ['{"paused": true, "for": "10"}', /for/],
  ['{"paused": true, "for": "-1m"}', /for/],
  ['{"paused": true, "for": "1.5m"}', /for/],
  ['{"paused": true, "for": "10 m"}', /for/],
  ['{"paused": true, "for": "10m "}', /for/],
  ['{"pause": true}', /pause/],
  ['{"paused": true, "__proto__": {}}', /./],
]

for (const [body, problem] of BAD) {
  test(`the order ${body || '(empty)'} is refused with a hint at the right form`, () => {
    const parsed = parseOverrideOrder(body, BOUNDS)
    assert.ok(!parsed.ok)
    assert.match(parsed.problem, problem)
  })
}

test('no body makes the parser throw, and a parsed limit is within the bounds', () => {
  const body = fc.oneof(
    fc.string(),
    fc.json(),
    fc.integer().map((limit) => JSON.stringify({ limit })),
    fc.nat(10).map((limit) => JSON.stringify({ limit })),
  )
  fc.assert(
    fc.property(body, (text) => {
      const parsed = parseOverrideOrder(text, BOUNDS)
      if (!parsed.ok) return assert.ok(parsed.problem.length > 0)
      const { limit } = parsed.value
      if (typeof limit === 'number') assert.ok(Number.isInteger(limit) && limit >= 2 && limit <= 8)
    }),
  )
})
