import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Reason, Verdict } from '../../src/lane/reason.ts'
import { reasonOf, verdictOf } from '../../src/upstream/outcome.ts'

const VERDICTS: readonly [status: number, verdict: Verdict][] = [
  [101, 'ok'],
  [200, 'ok'],
  [204, 'ok'],
  [304, 'ok'],
  [399, 'ok'],
  [400, 'ignored'],
  [401, 'ignored'],
  [404, 'ignored'],
  [428, 'ignored'],
  [429, 'dropped'],
  [430, 'ignored'],
  [499, 'ignored'],
  [500, 'dropped'],
  [503, 'dropped'],
  [504, 'dropped'],
  [599, 'dropped'],
]

for (const [status, verdict] of VERDICTS) {
  test(`a tool's answer ${status} is ${verdict}`, () => assert.equal(verdictOf(status), verdict))
}

const REASONS: readonly [wasStarted: boolean, wasInvalid: boolean, reason: Reason][] = [
  [false, false, 'UPSTREAM_UNREACHABLE'],
  [true, false, 'UPSTREAM_FAILED'],
  [false, true, 'BAD_REQUEST'],
  [true, true, 'BAD_REQUEST'],
]

for (const [wasStarted, wasInvalid, reason] of REASONS) {
  const name = `${wasStarted ? 'after' : 'before'} its request began${wasInvalid ? ', as it cannot be sent' : ''}`
  test(`an exchange that breaks ${name} is ${reason}`, () => {
    assert.equal(reasonOf({ wasStarted, wasInvalid }), reason)
  })
}
