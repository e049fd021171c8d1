/**
 * The bodies of the lease API: which are accepted with which values, and the problem that each wrong body is told.
 * Random bodies are tried in any-body.test.ts.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseLeaseRequest, parseVerdict } from '../../src/listen/lease-request.ts'

const EMPTY = {
  jobId: undefined,
  leaseMs: undefined,
  waitMs: undefined,
  priority: undefined,
  agent: undefined,
}

test('a worker may leave out every field', () => {
  for (const body of ['', '  ', '{}']) assert.deepEqual(parseLeaseRequest(body), { ok: true, value: EMPTY })
})

test("the contract's example of a lease request is parsed", () => {
  const body = '{"job_id": "j", "lease_seconds": 30, "wait_ms": 5000, "priority": "normal", "agent": "a"}'
  const value = { jobId: 'j', leaseMs: 30_000, waitMs: 5000, priority: 'normal', agent: 'a' }
  assert.deepEqual(parseLeaseRequest(body), { ok: true, value })
})

const WRONG: readonly (readonly [body: string, says: RegExp])[] = [
  ['{', /^the body is not JSON; write for example/],
  ['[]', /write for example/],
  ['{"jobid": "x"}', /jobid/],
  ['{"job_id": 7}', /^job_id must be a text/],
  [`{"job_id": "${'x'.repeat(257)}"}`, /^job_id is longer than 256/],
  ['{"lease_seconds": 0}', /^lease_seconds must be at least 0.1/],
  ['{"lease_seconds": 86401}', /^lease_seconds must be at most 86400/],
  ['{"wait_ms": -1}', /^wait_ms must not be below 0/],
  ['{"wait_ms": 1.5}', /^wait_ms must be a whole number/],
  ['{"priority": "urgent"}', /^priority must be one of critical, high, normal, low/],
]

for (const [body, says] of WRONG) {
  test(`the lease request ${body.slice(0, 40)} is refused with a hint at the right form`, () => {
    const parsed = parseLeaseRequest(body)
    assert.ok(!parsed.ok)
    assert.match(parsed.problem, says)
  })
}

test('a lease ends with the verdict ok if its worker gives none', () => {
  assert.deepEqual(parseVerdict(''), { ok: true, value: 'ok' })
  assert.deepEqual(parseVerdict('{"verdict": "dropped"}'), { ok: true, value: 'dropped' })
  const wrong = parseVerdict('{"verdict": "fine"}')
  assert.ok(!wrong.ok)
  assert.match(wrong.problem, /^verdict must be ok, dropped or ignored/)
})
