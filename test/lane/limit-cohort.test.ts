/**
 * The Kaplan-Meier median of the law `adaptive`, against figures computed by hand and against the plain definition, and
 * the call log that the median is computed from.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CallLog } from '../../src/lane/limit/call-log.ts'
import { readCohort } from '../../src/lane/limit/cohort.ts'

const read = (answeredMs: readonly number[], openMs: readonly number[] = []) =>
  readCohort(Float64Array.from(answeredMs), Float64Array.from(openMs))

test('the median of answered calls alone is the lower of the two middle ones', () => {
  assert.equal(read([5, 1, 3]).medianMs, 3)
  assert.equal(read([4, 1, 3, 2]).medianMs, 2)
})

test("Kaplan and Meier's own kind of example: 0.8, 3.1, 5.4, 9.2 answered, 1.0, 2.7, 7.0, 12.1 open", () => {
  // S: 7/8 at 0.8, x 4/5 at 3.1 = 0.7, x 3/4 at 5.4 = 0.525, x 1/2 at 9.2 = 0.2625.
  const reading = read([0.8, 3.1, 5.4, 9.2], [1, 2.7, 7, 12.1])
  assert.equal(reading.medianMs, 9.2)
  assert.equal(reading.quartileMs, 3.1)
  assert.deepEqual([reading.answered, reading.calls, reading.isBound], [4, 8, false])
})

test('before any call ends the reading is a lower bound that grows with the ages', () => {
  const reading = read([], [100, 200, 300, 400, 500])
  assert.deepEqual([reading.isBound, reading.medianMs, reading.answered], [true, 400, 0])
})

test('open calls that are younger than every answer change nothing', () => {
  assert.equal(read([10, 20, 30], [1, 2]).medianMs, read([10, 20, 30]).medianMs)
})

test('without calls the reading is a lower bound just above 0', () => {
  assert.deepEqual(read([]), { medianMs: 0.001, quartileMs: undefined, answered: 0, calls: 0, isBound: true })
})

/** The median by definition, one call at a time. */
function naive(answeredMs: readonly number[], openMs: readonly number[]): number | undefined {
  let surviving = 1
  const sorted = answeredMs.toSorted((a, b) => a - b)
  for (const [index, atMs] of sorted.entries()) {
    const atRisk = sorted.length - index + openMs.filter((openFor) => openFor >= atMs).length
    surviving *= 1 - 1 / atRisk
    if (surviving <= 0.5) return atMs
  }
  return undefined
}

test('the median agrees with the definition for any calls', () => {
  const times = fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 40 })
  fc.assert(
    fc.property(times, times, (answered, open) => {
      const reading = read(answered, open)
      const expected = naive(answered, open)
      assert.equal(reading.isBound, expected === undefined)
      if (expected !== undefined) assert.equal(reading.medianMs, expected)
      else {
        const all = [...answered, ...open].sort((a, b) => a - b)
        assert.equal(reading.medianMs, all[Math.floor(0.75 * (all.length - 1))] ?? 0.001)
      }
    }),
    { numRuns: 1000 },
  )
})

const ALWAYS = { fromMs: -Infinity, untilMs: Infinity }
const callAt = (grantedAtMs: number) => ({
  grantedAtMs,
  waitedMs: 0,
  answeredAfterMs: undefined as number | undefined,
})

test('the log reads the latest calls by time of sending, within the bounds', () => {
  const log = new CallLog()
  for (let atMs = 0; atMs < 100; atMs++) {
    const call = callAt(atMs)
    log.sent(call)
    assert.equal(log.ended(call, 'answered', atMs), true)
  }
  assert.equal(log.read(3, ALWAYS, 200).medianMs, 98)
  assert.equal(log.read(3, { fromMs: 0, untilMs: 49 }, 200).medianMs, 48)
  assert.equal(log.read(50, { fromMs: 98, untilMs: Infinity }, 200).calls, 2)
  assert.equal(log.countSince(90, 512), 10)
  assert.equal(log.countSince(0, 20), 20)
})

test('a running call counts with its age, and an answered call whose body is still read with its latency', () => {
  const log = new CallLog()
  const [waiting, reading] = [callAt(0), callAt(0)]
  log.sent(waiting)
  log.sent(reading)
  reading.answeredAfterMs = 30
  const both = log.read(10, ALWAYS, 1000)
  assert.deepEqual([both.answered, both.calls, both.medianMs], [1, 2, 30])
  assert.equal(log.inToolRatio(), 0.5)
})

test('a call that the tool pushed back has no latency', () => {
  const log = new CallLog()
  const call = callAt(0)
  log.sent(call)
  log.ended(call, 'excluded', 5)
  assert.equal(log.read(10, ALWAYS, 10).calls, 0)
})

test('the end of a call that is not in the log does not count', () => {
  assert.equal(new CallLog().ended(callAt(0), 'answered', 1), false)
})

test('no call is lost, however many run at once', () => {
  const log = new CallLog()
  const calls = Array.from({ length: 3000 }, (_, index) => callAt(index))
  for (const call of calls) log.sent(call)
  assert.equal(log.active, 3000)
  assert.equal(log.read(6000, ALWAYS, 3000).calls, 3000)
  for (const call of calls) assert.equal(log.ended(call, 'answered', call.grantedAtMs), true)
  assert.equal(log.read(5, ALWAYS, 3000).medianMs, 2997)
})
