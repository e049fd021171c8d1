/**
 * RetryBudget without a lane: how many retries a number of recent calls allows, and when those calls are forgotten.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RetryBudget } from '../../src/lane/retry-budget.ts'

const taken = (budget: RetryBudget, ratio: number, nowMs: number): number => {
  let count = 0
  while (count < 1000 && budget.take(ratio, nowMs)) count++
  return count
}

test('a lane with few calls allows three retries', () => {
  assert.equal(taken(new RetryBudget(), 0.1, 0), 3)
  assert.equal(taken(new RetryBudget(), 0, 0), 3)
})

test('with a ratio of 0.1, 200 recent calls allow 20 retries', () => {
  const budget = new RetryBudget()
  for (let i = 0; i < 200; i++) budget.called(50 * i)
  assert.equal(taken(budget, 0.1, 10_000), 20)
})

test('calls and retries are forgotten after 10 to 20 s', () => {
  const budget = new RetryBudget()
  for (let i = 0; i < 200; i++) budget.called(1)
  assert.equal(taken(budget, 0.1, 2), 20)
  assert.equal(taken(budget, 0.1, 19_999), 0)
  assert.equal(taken(budget, 0.1, 20_000), 3)
  assert.equal(taken(budget, 0.1, 3_600_000), 3)
})
