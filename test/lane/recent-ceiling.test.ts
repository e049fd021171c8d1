/**
 * How far a law's lever reaches in a fleet: the most slots of the last 5 to 10 s.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecentCeiling } from '../../src/lane/recent-ceiling.ts'

test('a lane on its own reaches as far as its limit, whatever time it is', () => {
  const reach = new RecentCeiling()
  assert.equal(reach.at(0), Infinity)
  assert.equal(reach.at(1e9), Infinity)
})

test('the most slots that the fleet left lately count, also when there are fewer now', () => {
  const reach = new RecentCeiling()
  reach.note(2, 0)
  reach.note(7, 100)
  reach.note(3, 200)
  assert.equal(reach.at(300), 7)
  assert.equal(reach.at(5100), 7)
})

test('what was more than ten seconds ago is forgotten, what is left now is not', () => {
  const reach = new RecentCeiling()
  reach.note(7, 0)
  reach.note(3, 200)
  assert.equal(reach.at(5000), 7)
  assert.equal(reach.at(10_000), 3)
  assert.equal(reach.at(60_000), 3)
})

test('a lane that nobody asked for a long time starts from what it has', () => {
  const reach = new RecentCeiling()
  reach.note(7, 0)
  reach.note(1, 100)
  assert.equal(reach.at(40_000), 1)
  reach.note(4, 80_000)
  assert.equal(reach.at(80_000), 4)
})

test('slots of a store that is not there yet are none, and no infinity', () => {
  const reach = new RecentCeiling()
  reach.note(0, 0)
  assert.equal(reach.at(1), 0)
})

test('a fleet that leaves everything to a lane again leaves no law without a lever', () => {
  const reach = new RecentCeiling()
  reach.note(2, 0)
  reach.note(Infinity, 10)
  assert.equal(reach.at(20), Infinity)
})
