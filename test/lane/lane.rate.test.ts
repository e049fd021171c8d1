/**
 * A lane with a call rate beside its limit: which calls start, which are refused, and the Retry-After of the refused ones.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Lane } from '../../src/lane/lane.ts'
import type { AdmissionResult } from '../../src/lane/effects.ts'
import type { LaneSettings } from '../../src/lane/settings.ts'
import { laneSettings } from '../support/lane-settings.ts'

const OK = { cause: 'completed', verdict: 'ok', latencyMs: 1 } as const

function open(overrides: Partial<LaneSettings> = {}): Lane {
  const rate = { calls: 1, perMs: 5000, burst: 2 }
  return new Lane(
    laneSettings({ controller: { algorithm: 'fixed' }, rate, ...overrides }),
    0,
    () => undefined,
  )
}

const refusal = (admission: AdmissionResult) => {
  assert.ok(admission.kind === 'refused')
  return [admission.refusal.reason, admission.refusal.retryAfterMs]
}

test('a call over the rate is refused although slots are free, with the time of its own token as Retry-After', () => {
  const lane = open()
  assert.equal(lane.admit({ spread: 0 }, 0).kind, 'granted')
  assert.equal(lane.admit({ spread: 0 }, 0).kind, 'granted')
  assert.deepEqual(refusal(lane.admit({ spread: 0 }, 0)), ['RATE_LIMITED', 5000])
  assert.deepEqual(refusal(lane.admit({ spread: 0.5 }, 0)), ['RATE_LIMITED', 10_000])
  assert.equal(lane.admit({ spread: 0 }, 5000).kind, 'granted')
})

test('Retry-After is exact also when the next token is less than one interval away', () => {
  const lane = open()
  lane.admit({ spread: 0 }, 0)
  lane.admit({ spread: 0 }, 0)
  assert.deepEqual(refusal(lane.admit({ spread: 0 }, 3000)), ['RATE_LIMITED', 2000])
})

test('each waiting ticket reserves a token, so that an admitted call never waits for the rate', () => {
  const lane = open({ maxConcurrent: 1, rate: { calls: 1, perMs: 60_000, burst: 3 } })
  const first = lane.admit({ spread: 0 }, 0)
  assert.ok(first.kind === 'granted')
  assert.equal(lane.admit({ spread: 0 }, 0).kind, 'queued')
  assert.equal(lane.admit({ spread: 0 }, 0).kind, 'queued')
  assert.equal(refusal(lane.admit({ spread: 0 }, 0))[0], 'RATE_LIMITED')
  const second = lane.settle(first.lease, OK, 10).granted[0]?.lease
  assert.ok(second)
  assert.equal(lane.settle(second, OK, 20).granted.length, 1)
})

test('when tokens are short, a call of a higher class takes the token of a lower ticket', () => {
  const lane = open({ maxConcurrent: 1, rate: { calls: 1, perMs: 60_000, burst: 2 } })
  lane.admit({ spread: 0 }, 0)
  const low = lane.admit({ spread: 0, priority: 'low' }, 0)
  assert.ok(low.kind === 'queued')
  const critical = lane.admit({ spread: 0, priority: 'critical' }, 0)
  assert.ok(critical.kind === 'queued')
  assert.equal(critical.putOut?.ticket, low.ticket)
  assert.equal(critical.putOut.refusal.reason, 'SHED_LOW_PRIORITY')
})

test('the token of a ticket that leaves goes to the next call', () => {
  const lane = open({ maxConcurrent: 1, rate: { calls: 1, perMs: 60_000, burst: 2 } })
  lane.admit({ spread: 0 }, 0)
  const waiting = lane.admit({ spread: 0 }, 0)
  assert.ok(waiting.kind === 'queued')
  lane.cancel(waiting.ticket, 1)
  assert.equal(lane.admit({ spread: 0 }, 2).kind, 'queued')
})

test('a reload that keeps the rate keeps the tokens of the bucket, and another rate begins with a full bucket', () => {
  const lane = open()
  lane.admit({ spread: 0 }, 0)
  lane.admit({ spread: 0 }, 0)
  const rate = { calls: 1, perMs: 5000, burst: 2 }
  lane.reconfigure(laneSettings({ controller: { algorithm: 'fixed' }, rate: { ...rate } }), 1)
  assert.equal(refusal(lane.admit({ spread: 0 }, 1))[0], 'RATE_LIMITED')
  lane.reconfigure(laneSettings({ controller: { algorithm: 'fixed' }, rate: { ...rate, calls: 2 } }), 1)
  assert.equal(lane.admit({ spread: 0 }, 1).kind, 'granted')
})
