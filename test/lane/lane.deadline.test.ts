/**
 * Deadlines in a lane: a call that cannot start before its deadline at the measured pace of the lane is refused at once.
 * Without a measurement no call is refused for its deadline.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Lane } from '../../src/lane/lane.ts'
import type { Want } from '../../src/lane/effects.ts'
import type { Lease } from '../../src/lane/lease.ts'
import { laneSettings } from '../support/lane-settings.ts'

const OK = { cause: 'completed', verdict: 'ok', latencyMs: 1 } as const

/** A lane of one slot in which one call of 1 s has ended and another one runs. */
function measured(): { readonly lane: Lane; readonly lease: Lease } {
  const settings = { maxConcurrent: 1, ttlMs: 10_000, controller: { algorithm: 'fixed' } } as const
  const lane = new Lane(laneSettings(settings), 0, () => undefined)
  const first = lane.admit({ spread: 0 }, 0)
  assert.ok(first.kind === 'granted')
  lane.settle(first.lease, OK, 1000)
  const second = lane.admit({ spread: 0 }, 1000)
  assert.ok(second.kind === 'granted')
  return { lane, lease: second.lease }
}

function answer(lane: Lane, want: Partial<Want>, nowMs: number): string {
  const admission = lane.admit({ spread: 0, ...want }, nowMs)
  return admission.kind === 'refused' ? admission.refusal.reason : admission.kind
}

test('a call whose deadline is before the next free slot is refused at once', () => {
  const { lane } = measured()
  assert.equal(answer(lane, { ttlMs: 1100 }, 1000), 'DEADLINE_UNREACHABLE')
  assert.equal(answer(lane, { ttlMs: 1200 }, 1000), 'queued')
  assert.equal(answer(lane, { ttlMs: 1200 }, 1000), 'DEADLINE_UNREACHABLE', 'another ticket waits before it')
})

test('the TTL of the lane is a deadline as well', () => {
  const { lane } = measured()
  const answers = Array.from({ length: 12 }, () => answer(lane, {}, 1000))
  assert.equal(answers.filter((each) => each === 'queued').length, 9)
  assert.equal(answers.at(-1), 'DEADLINE_UNREACHABLE')
})

test("a caller's deadline can only shorten the TTL", () => {
  const { lane } = measured()
  const admission = lane.admit({ spread: 0, ttlMs: 3_600_000 }, 1000)
  assert.ok(admission.kind === 'queued')
  assert.equal(admission.ticket.dueAtMs, 11_000)
  const shorter = lane.admit({ spread: 0, ttlMs: 5000 }, 1000)
  assert.ok(shorter.kind === 'queued')
  assert.equal(shorter.ticket.dueAtMs, 6000)
})

test('only the tickets that go first count: calls of a lower class do not delay a high call', () => {
  const { lane } = measured()
  for (let i = 0; i < 5; i++) assert.equal(answer(lane, { priority: 'normal' }, 1000), 'queued')
  assert.equal(answer(lane, { ttlMs: 1500 }, 1000), 'DEADLINE_UNREACHABLE')
  assert.equal(answer(lane, { ttlMs: 1500, priority: 'high' }, 1000), 'queued')
})

test('a lane without measurements and an idle lane refuse no call for its deadline', () => {
  const settings = { maxConcurrent: 1, controller: { algorithm: 'fixed' } } as const
  const cold = new Lane(laneSettings(settings), 0, () => undefined)
  cold.admit({ spread: 0 }, 0)
  assert.equal(answer(cold, { ttlMs: 1 }, 50_000), 'queued', 'no call has ended yet')
  const { lane, lease } = measured()
  lane.settle(lease, OK, 2000)
  assert.equal(answer(lane, { ttlMs: 1 }, 2000), 'granted')
})

test('old measurements are forgotten, and the ages of running calls count', () => {
  const { lane, lease } = measured()
  lane.settle(lease, OK, 2000)
  assert.equal(answer(lane, {}, 100_000), 'granted')
  assert.equal(answer(lane, { ttlMs: 500 }, 100_100), 'queued', 'the measurement of 1 s is too old')
  assert.equal(answer(lane, { ttlMs: 500 }, 101_000), 'DEADLINE_UNREACHABLE', 'the running call is 1 s old')
})
