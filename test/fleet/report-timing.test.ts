/**
 * ReportTiming without a store: when a report is due for a renewal, a retry, a waiting call, or a slot that may come free.
 * The lag and the start of a failure of the store are tested, too.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReportTiming } from '../../src/fleet/report-timing.ts'

const TTL_MS = 9000
const IDLE = { callsWait: false, wantsSlots: false }
const NO_WAIT = { pausedMs: 0, nextEndMs: 0 }

function answeredAt(nowMs: number, more: { pausedMs?: number; nextEndMs?: number } = {}): ReportTiming {
  const timing = new ReportTiming(TTL_MS, () => 0, 0)
  timing.sent(nowMs)
  timing.answered({ ...NO_WAIT, ...more }, nowMs)
  return timing
}

test('the first report is due at once', () => {
  assert.ok(new ReportTiming(TTL_MS, () => 0, 0).isDue(false, IDLE, 0))
})

test('a report without news is due a third of the TTL after the last one was sent', () => {
  const timing = answeredAt(1000)
  assert.equal(timing.dueAtMs(IDLE), 4000)
  assert.deepEqual([timing.isDue(false, IDLE, 3999), timing.isDue(false, IDLE, 4000)], [false, true])
})

test('a report with news is due at once', () => {
  assert.ok(answeredAt(1000).isDue(true, IDLE, 1001))
})

test('while calls wait a report is due at least one second after the first of them began to wait', () => {
  const timing = answeredAt(0)
  timing.callsWait(100)
  timing.callsWait(500)
  assert.equal(timing.dueAtMs({ ...IDLE, callsWait: true }), 1100)
  assert.equal(timing.dueAtMs(IDLE), TTL_MS / 3)
  timing.sent(1100)
  assert.equal(timing.dueAtMs({ ...IDLE, callsWait: true }), 1100 + TTL_MS / 3)
})

test('a sidecar that wants slots reports after the end of the next session and after the end of a pause', () => {
  const wanting = { ...IDLE, wantsSlots: true }
  assert.equal(answeredAt(0, { nextEndMs: 700 }).dueAtMs(wanting), 701)
  assert.equal(answeredAt(0, { nextEndMs: 700, pausedMs: 900 }).dueAtMs(wanting), 901)
  assert.equal(answeredAt(0, { nextEndMs: 700 }).dueAtMs(IDLE), TTL_MS / 3)
})

test('after a failure no report is sent for 25 to 50 ms, for twice as long after each further one, and for 1 s at most', () => {
  const timing = answeredAt(0)
  const waits = Array.from({ length: 8 }, () => {
    timing.sent(100)
    timing.failed(100, 100)
    return timing.dueAtMs(IDLE) - 100
  })
  assert.deepEqual(waits, [25, 50, 100, 200, 400, 500, 500, 500])
  assert.equal(timing.isDue(true, IDLE, 599), false, 'a report with news is due too early')
  assert.equal(timing.isDue(false, IDLE, 600), true)
})

test('the store counts as failing from its first unanswered report until its next answer', () => {
  const timing = answeredAt(0)
  assert.equal(timing.failingSinceMs, Infinity)
  timing.failed(100, 600)
  timing.failed(700, 1200)
  assert.equal(timing.failingSinceMs, 100)
  timing.answered(NO_WAIT, 1300)
  assert.equal(timing.failingSinceMs, Infinity)
})

test('the lag is the delay of the last late renewal', () => {
  const timing = answeredAt(0)
  timing.sent(TTL_MS / 3 + 40)
  assert.equal(timing.lagMs, 40)
  timing.sent(TTL_MS / 3 + 50)
  assert.equal(timing.lagMs, 40, 'a renewal in time changed the lag')
})
