/**
 * Sampled on a virtual clock: the first value of a key is written at once, later ones at most once an interval.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Sampled } from '../../src/observe/sampled.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

function open() {
  const clock = new VirtualClock()
  const lines: string[] = []
  const write = (value: string, leftOut: number): void => void lines.push(`${value} ${leftOut}`)
  return { clock, sampled: new Sampled({ clock, everyMs: 1000, write }), take: () => lines.splice(0) }
}

test('the first value of each key is written at once, and then the latest one per interval', () => {
  const { clock, sampled, take } = open()
  for (const value of ['a1', 'a2', 'a3']) sampled.take('a', value)
  sampled.take('b', 'b1')
  assert.deepEqual(take(), ['a1 0', 'b1 0'])
  clock.advance(1000)
  assert.deepEqual(take(), ['a3 2'])
  clock.advance(1000)
  assert.equal(clock.timers, 0)
  sampled.take('a', 'a4')
  assert.deepEqual(take(), ['a4 0'])
  sampled.close()
})

test('closing writes the value left out, and later values write no line and set no timer', () => {
  const { clock, sampled, take } = open()
  for (const value of ['a1', 'a2']) sampled.take('a', value)
  take()
  sampled.close()
  sampled.close()
  assert.deepEqual(take(), ['a2 1'])
  sampled.take('a', 'a3')
  assert.deepEqual(take(), [])
  assert.equal(clock.timers, 0)
})
