/**
 * OperatorOverride without a lane: a table of what each sequence of orders leaves paused and pinned, and the times at
 * which a pause and a pin end.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OperatorOverride } from '../../src/lane/operator-override.ts'
import type { OverrideOrder } from '../../src/lane/operator-override.ts'

function look(override: OperatorOverride) {
  const { isPaused, pinnedLimit, pausedUntilMs, pinnedUntilMs } = override
  return { isPaused, pinnedLimit, pausedUntilMs, pinnedUntilMs }
}

const OPEN = { isPaused: false, pinnedLimit: undefined, pausedUntilMs: Infinity, pinnedUntilMs: Infinity }

function after(...orders: OverrideOrder[]): OperatorOverride {
  const override = new OperatorOverride()
  for (const order of orders) override.obey(order, 100)
  return override
}

const ROWS: readonly [name: string, orders: readonly OverrideOrder[], expected: object][] = [
  ['without an order pauses and pins nothing', [], {}],
  ['pauses without an end', [{ paused: true }], { isPaused: true }],
  ['pauses for a time', [{ paused: true, forMs: 50 }], { isPaused: true, pausedUntilMs: 150 }],
  ['resumes', [{ paused: true, forMs: 50 }, { paused: false }], {}],
  ['pins a limit without an end', [{ limit: 4 }], { pinnedLimit: 4 }],
  ['pins a limit for a time', [{ limit: 4, forMs: 50 }], { pinnedLimit: 4, pinnedUntilMs: 150 }],
  ['pins a limit of 0', [{ limit: 0 }], { pinnedLimit: 0 }],
  ['ends the pin on auto', [{ limit: 4 }, { limit: 'auto' }], {}],
  ['keeps the pin when it pauses', [{ limit: 4 }, { paused: true }], { isPaused: true, pinnedLimit: 4 }],
  ['keeps the pause when it pins', [{ paused: true }, { limit: 4 }], { isPaused: true, pinnedLimit: 4 }],
  [
    'replaces an old pin and its end by a new order',
    [{ limit: 4, forMs: 50 }, { limit: 5 }],
    { pinnedLimit: 5 },
  ],
  [
    'ends a pause and a pin of the same order at the same time',
    [{ limit: 4, paused: true, forMs: 50 }],
    { isPaused: true, pinnedLimit: 4, pausedUntilMs: 150, pinnedUntilMs: 150 },
  ],
  ['changes nothing on an empty order', [{ limit: 4 }, {}], { pinnedLimit: 4 }],
]

for (const [name, orders, expected] of ROWS) {
  test(`an override ${name}`, () => assert.deepEqual(look(after(...orders)), { ...OPEN, ...expected }))
}

test('a pause and a pin each end at their own time', () => {
  const override = after({ paused: true, forMs: 10 }, { limit: 4, forMs: 20 })
  assert.equal(override.nextDueAtMs(), 110)
  assert.equal(override.expire(109.999), false)
  assert.equal(override.expire(110), true)
  assert.deepEqual(look(override), { ...OPEN, pinnedLimit: 4, pinnedUntilMs: 120 })
  assert.equal(override.nextDueAtMs(), 120)
  assert.equal(override.expire(119), false)
  assert.equal(override.expire(500), true)
  assert.deepEqual(look(override), OPEN)
  assert.equal(override.expire(1e9), false)
})

test('an order without an end never comes due', () => {
  const override = after({ paused: true, limit: 2 })
  assert.equal(override.nextDueAtMs(), Infinity)
  assert.equal(override.expire(1e12), false)
  assert.equal(override.isPaused, true)
})
