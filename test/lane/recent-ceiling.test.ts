/**
 * RecentCeiling without a lane: the highest number of slots that the fleet left to a lane in the last 5 to 10 s.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecentCeiling } from '../../src/lane/recent-ceiling.ts'

test('a lane without a fleet has no ceiling', () => {
  const recent = new RecentCeiling()
  assert.equal(recent.at(0), Infinity)
  assert.equal(recent.at(1e9), Infinity)
})

test('the recent ceiling is the highest number of slots of the last seconds, also if there are fewer now', () => {
  const recent = new RecentCeiling()
  recent.note(2, 0)
  recent.note(7, 100)
  recent.note(3, 200)
  assert.equal(recent.at(300), 7)
  assert.equal(recent.at(5100), 7)
})

test('after ten seconds the recent ceiling is the present number of slots', () => {
  const recent = new RecentCeiling()
  recent.note(7, 0)
  recent.note(3, 200)
  assert.equal(recent.at(5000), 7)
  assert.equal(recent.at(10_000), 3)
  assert.equal(recent.at(60_000), 3)
})

test('after a long time without calls the recent ceiling is the present number of slots', () => {
  const recent = new RecentCeiling()
  recent.note(7, 0)
  recent.note(1, 100)
  assert.equal(recent.at(40_000), 1)
  recent.note(4, 80_000)
  assert.equal(recent.at(80_000), 4)
})

test('before the store has answered the recent ceiling is 0', () => {
  const recent = new RecentCeiling()
  recent.note(0, 0)
  assert.equal(recent.at(1), 0)
})

test('a lane that leaves its fleet has no ceiling again', () => {
  const recent = new RecentCeiling()
  recent.note(2, 0)
  recent.note(Infinity, 10)
  assert.equal(recent.at(20), Infinity)
})
