/**
 * What is taken for the tool's time, and what for the patience of a caller who left.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ToolTime } from '../../src/upstream/tool-time.ts'

function at(startMs: number) {
  const clock = { nowMs: startMs }
  return { clock, time: new ToolTime(() => clock.nowMs) }
}

test('a caller who left waited until it left, however long the attempt to connect goes on', () => {
  const { clock, time } = at(1000)
  clock.nowMs = 1020
  time.callerLeft()
  clock.nowMs = 9000
  assert.equal(time.waitedMs(), 20)
})

test('the time that a caller took to send its request is not time that it waited for the tool', () => {
  const { clock, time } = at(1000)
  clock.nowMs = 61_000
  time.sent()
  clock.nowMs = 61_030
  time.callerLeft()
  assert.equal(time.waitedMs(), 30)
})

test('a caller who left before its request was written has not waited', () => {
  const { clock, time } = at(1000)
  clock.nowMs = 1010
  time.callerLeft()
  clock.nowMs = 1020
  time.sent()
  assert.equal(time.waitedMs(), 0)
})
