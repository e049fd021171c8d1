/**
 * DeadZone without a lane: which sequences of decisions are reported as a limit that stays low although the tool is
 * healthy.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Decision } from '../../src/lane/limit/limiter.ts'
import { DeadZone } from '../../src/observe/dead-zone.ts'

function decided(reason: Decision['reason'], p95Ms?: number, errorRate = 0): Decision {
  return { limit: 2, action: 'hold', reason, figures: { calls: 20, errorRate, p95Ms } }
}

function notices(decisions: readonly Decision[]): number[] {
  const zone = new DeadZone()
  return decisions.flatMap((decision, i) => (zone.notice('t', decision) === undefined ? [] : [i]))
}

const five = (decision: Decision) => Array.from({ length: 5 }, () => decision)

test('five windows in a row between the two figures cause one warning', () => {
  assert.deepEqual(notices([...five(decided('in_band', 2000)), ...five(decided('in_band', 2000))]), [4])
})

test('a slow healthy tool at the lowest limit causes a warning, and a failing one does not', () => {
  assert.deepEqual(notices(five(decided('at_minimum', 6000))), [4])
  assert.deepEqual(notices(five(decided('at_minimum', 6000, 0.5))), [])
})

test('a window that moved the limit or measured no latency restarts the count', () => {
  const four = five(decided('in_band', 2000)).slice(1)
  assert.deepEqual(notices([...four, decided('latency_low', 900), ...four]), [])
  assert.deepEqual(notices([...four, decided('no_latency'), ...four]), [])
})
