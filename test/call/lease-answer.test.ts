/**
 * What a lane's answer means for a call: a lease, a refusal that says how long the call waited, or the last answer of a
 * tool that failed the call before.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Call } from '../../src/call/call.ts'
import type { Unanswered } from '../../src/call/call-state.ts'
import { leaseAnswerOf } from '../../src/call/lease-answer.ts'
import type { Turn } from '../../src/gate/gate.ts'

const LAST = { kind: 'failed', reason: 'UPSTREAM_FAILED' } as unknown as Unanswered
const DEPTHS = { active: 1, queueDepth: 0, limit: 1 }

function callOf(last?: Unanswered): Call {
  const earlier = last === undefined ? undefined : { tries: 1, last, isTold: false }
  return { askedAtMs: 1000, earlier } as unknown as Call
}

function refusal(toolWaitMs?: number): Turn {
  return {
    kind: 'refused',
    refusal: { reason: 'UPSTREAM_THROTTLED', retryAfterMs: 700, depths: DEPTHS, toolWaitMs },
  }
}

test('a granted call has its lease, whatever came before', () => {
  const turn = { kind: 'granted', lease: {} } as unknown as Turn
  assert.equal(leaseAnswerOf(callOf(), turn, 1500), turn)
  assert.equal(leaseAnswerOf(callOf(LAST), turn, 1500), turn)
})

test('a refusal has the reason, the time to come back, and how long the call waited since its lane was asked', () => {
  assert.deepEqual(leaseAnswerOf(callOf(), refusal(), 1500), {
    kind: 'refused',
    refusal: { reason: 'UPSTREAM_THROTTLED', retryAfterMs: 700, detail: undefined, queuedMs: 500 },
  })
})

for (const [toolWaitMs, detail] of [
  [60_000, 'it asked for 60 s'],
  [60_001, 'it asked for 61 s'],
  [1, 'it asked for 1 s'],
  [0, undefined],
] as const) {
  test(`a tool that asked for ${toolWaitMs} ms is quoted with ${detail ?? 'nothing'}`, () => {
    const answer = leaseAnswerOf(callOf(), refusal(toolWaitMs), 1500)
    assert.equal(answer.kind === 'refused' && answer.refusal.detail, detail)
  })
}

test('a call that its tool failed before gets that answer when no further attempt is let in', () => {
  assert.deepEqual(leaseAnswerOf(callOf(LAST), refusal(), 1500), { kind: 'not again', last: LAST })
})
