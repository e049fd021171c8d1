/**
 * The form of an answer that Spillway gives in the place of an MCP server.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerForm } from '../../src/mcp/answer-form.ts'
import type { Answered } from '../../src/mcp/answer-form.ts'
import type { McpMessage } from '../../src/mcp/message.ts'

const CALL: McpMessage = { kind: 'call', call: { id: '1.0', idKey: 'number:1', name: 'search' } }
const PING: McpMessage = { kind: 'request', method: 'ping', id: '"p"', opensStream: false }
const NOTE: McpMessage = { kind: 'notification', method: 'notifications/progress', cancels: undefined }

function form(changes: Partial<Answered> = {}) {
  return answerForm({
    overload: 'tool_result',
    messages: [CALL],
    isBatch: false,
    headers: { version: [] },
    accept: undefined,
    ...changes,
  })
}

test('a call is answered under its id as it was written, in the form of its lane', () => {
  assert.deepEqual(form({ overload: 'jsonrpc_error' }), {
    form: 'jsonrpc_error',
    requests: [{ id: '1.0', name: 'search' }],
    isBatch: false,
    hasResultType: false,
    asEvents: false,
  })
})

test('of a batch each request is answered, and no notification or response', () => {
  const { requests, isBatch } = form({ messages: [NOTE, CALL, { kind: 'response' }, PING], isBatch: true })
  assert.equal(isBatch, true)
  assert.deepEqual(requests, [
    { id: '1.0', name: 'search' },
    { id: '"p"', name: undefined },
  ])
})

test('a result says that it is complete from the revision 2026-07-28 on', () => {
  for (const [version, hasResultType] of [
    ['2025-11-25', false],
    ['2026-07-28', true],
    [' 2027-01-01 ', true],
    ['9999', false],
  ] as const)
    assert.equal(form({ headers: { version: [version] } }).hasResultType, hasResultType, version)
})

test('an answer is an event only for a caller that accepts event streams and no JSON', () => {
  for (const [accept, asEvents] of [
    ['text/event-stream', true],
    ['Text/Event-Stream, text/html', true],
    ['application/json, text/event-stream', false],
    ['text/event-stream, */*;q=0.1', false],
    ['text/event-stream, application/*', false],
    ['text/html', false],
    [undefined, false],
  ] as const)
    assert.equal(form({ accept }).asEvents, asEvents, accept ?? 'none')
})
