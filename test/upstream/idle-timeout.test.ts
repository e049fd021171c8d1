/**
 * How long an idle connection is still used: the timeout that the tool announces, less a margin, and the shorter time that
 * was learned from its closes.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IdleTimeout } from '../../src/upstream/idle-timeout.ts'

test('without a word from the tool the timeout is 4 s; what it says counts, with a margin', () => {
  const timeout = new IdleTimeout()
  assert.equal(timeout.ms, 4000)
  for (const [said, ms] of [
    ['timeout=1', 750],
    ['timeout=5, max=100', 3750],
    ['max=100, timeout=5', 3750],
    ['Timeout = "60"', 58_000],
    ['timeout=0', 0],
    ['timeout=999999999', 598_000],
    ['max=5', 4000],
    ['timeout=x', 4000],
    [undefined, 4000],
  ] as const) {
    timeout.announced(said)
    assert.equal(timeout.ms, ms, said)
  }
})

test('the shortest close that was seen counts, however much longer the tool says', () => {
  const timeout = new IdleTimeout()
  timeout.announced('timeout=60')
  timeout.observedClose(1000)
  timeout.observedClose(3000)
  assert.equal(timeout.ms, 750)
})

test('connections that stay open longer than learned show that it was an exception, at once or slowly', () => {
  const timeout = new IdleTimeout()
  const isBetween = (low: number, high: number) =>
    assert.ok(timeout.ms > low && timeout.ms < high, `${timeout.ms}`)
  timeout.observedClose(5)
  isBetween(0, 5)
  timeout.observedOpen(100)
  isBetween(100, 200)
  timeout.observedOpen(3600)
  assert.equal(timeout.ms, 4000, 'forgotten')
  timeout.observedClose(1000)
  for (let i = 0; i < 30; i++) timeout.observedOpen(900)
  isBetween(750, 900)
  for (let i = 0; i < 30; i++) timeout.observedOpen(900)
  isBetween(900, 1200)
  timeout.observedClose(1000)
  assert.equal(timeout.ms, 750)
})
