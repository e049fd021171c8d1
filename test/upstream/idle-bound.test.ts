import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IdleBound } from '../../src/upstream/idle-bound.ts'

test('without a word from the tool the bound is 4 s; what it says counts, with a margin', () => {
  const bound = new IdleBound()
  assert.equal(bound.ms, 4000)
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
    bound.said(said)
    assert.equal(bound.ms, ms, said)
  }
})

test('the shortest close that was seen counts, however much longer the tool says', () => {
  const bound = new IdleBound()
  bound.said('timeout=60')
  bound.closed(1000)
  bound.closed(3000)
  assert.equal(bound.ms, 750)
})

test('connections that stay open longer than learned show that it was an exception, at once or slowly', () => {
  const bound = new IdleBound()
  const isBetween = (low: number, high: number) => assert.ok(bound.ms > low && bound.ms < high, `${bound.ms}`)
  bound.closed(5)
  isBetween(0, 5)
  bound.stillOpen(100)
  isBetween(100, 200)
  bound.stillOpen(3600)
  assert.equal(bound.ms, 4000, 'forgotten')
  bound.closed(1000)
  for (let i = 0; i < 30; i++) bound.stillOpen(900)
  isBetween(750, 900)
  for (let i = 0; i < 30; i++) bound.stillOpen(900)
  isBetween(900, 1200)
  bound.closed(1000)
  assert.equal(bound.ms, 750)
})
