/**
 * The verdict of each status, and the reason of each failure of an exchange. Pure tables:
 * a changed row changes the contract.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Fault, FaultCause, Reason, Verdict } from '../../src/lane/reason.ts'
import { failureReason, verdictOf } from '../../src/upstream/outcome.ts'

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

const REASONS: readonly [phase: Fault['phase'], cause: FaultCause, wasInvalid: boolean, reason: Reason][] = [
  ['connect', 'refused', false, 'UPSTREAM_UNREACHABLE'],
  ['connect', 'local', false, 'PROXY_OVERLOADED'],
  ['head', 'reset', false, 'UPSTREAM_FAILED'],
  ['head', 'local', false, 'UPSTREAM_FAILED'],
  ['connect', 'other', true, 'BAD_REQUEST'],
  ['head', 'other', true, 'BAD_REQUEST'],
]

for (const [phase, cause, wasInvalid, reason] of REASONS) {
  const name = `in its phase ${phase} by ${cause}${wasInvalid ? ', as it cannot be sent' : ''}`
  test(`an exchange that breaks ${name} is ${reason}`, () => {
    assert.equal(failureReason({ wasInvalid, fault: { phase, cause, code: undefined } }), reason)
  })
}
