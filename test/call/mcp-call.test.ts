/**
 * What an MCP call is told when its caller asks for its end.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { McpCall } from '../../src/call/mcp-call.ts'

function waiting(leave: () => boolean): McpCall {
  const answer = {
    form: 'tool_result',
    requests: [],
    isBatch: false,
    hasResultType: false,
    asEvents: false,
  } as const
  const call = new McpCall({ answer, idKeys: ['1'], isClosingCancel: false })
  call.wait(leave)
  return call
}

test('a call that waits leaves its queue when its end is asked for', () => {
  const call = waiting(() => true)
  assert.deepEqual([call.cancel(), call.isWithdrawn], ['dequeued', false])
})

test('a call that got its lease a moment ago is withdrawn, so that it never begins', () => {
  const call = waiting(() => false)
  assert.deepEqual([call.cancel(), call.isWithdrawn], ['dequeued', true])
})
