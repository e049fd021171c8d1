/**
 * How the lease of an MCP call ends: what HTTP says, corrected by what was read of the answer.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LeaseEnd } from '../../src/lane/lease.ts'
import { callEnd } from '../../src/mcp/call-end.ts'
import type { SeenOfCall } from '../../src/mcp/call-end.ts'

const OK: LeaseEnd = { cause: 'completed', verdict: 'ok', latencyMs: 50 }
const NO_SAMPLE: LeaseEnd = { ...OK, latencyMs: undefined }
const IGNORED: LeaseEnd = { ...NO_SAMPLE, verdict: 'ignored' }
const READ: SeenOfCall = { outcome: 'complete', wasRead: true, isDisturbed: false }

for (const [what, seen, end] of [
  ['a complete answer is a latency sample', READ, OK],
  ['the answer to a disturbed call is no sample', { ...READ, isDisturbed: true }, NO_SAMPLE],
  ['a tool that ran and failed is no sample', { ...READ, outcome: 'tool-error' }, NO_SAMPLE],
  ['a request for input is no sample', { ...READ, outcome: 'input-required' }, NO_SAMPLE],
  ['a JSON-RPC error says nothing about the tool', { ...READ, outcome: 'protocol-error' }, IGNORED],
  ['a body that was read and lacks the answer says nothing', { ...READ, outcome: undefined }, IGNORED],
  ['a body that was not read counts as over HTTP', { ...READ, outcome: undefined, wasRead: false }, OK],
] as const satisfies readonly (readonly [string, SeenOfCall, LeaseEnd])[]) {
  test(what, () => assert.deepEqual(callEnd(OK, seen), end))
}

test('a failure by HTTP stands, whatever was read', () => {
  for (const verdict of ['dropped', 'ignored'] as const) {
    const end: LeaseEnd = { cause: 'failed', verdict }
    for (const outcome of ['complete', 'protocol-error', undefined] as const)
      assert.equal(callEnd(end, { ...READ, outcome }), end)
  }
})
