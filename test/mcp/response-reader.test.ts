/**
 * What is read of an MCP server's HTTP response while it passes.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ResponseReader } from '../../src/mcp/response-reader.ts'
import type { ResponseForm } from '../../src/mcp/response-reader.ts'
import type { ServerMessage } from '../../src/mcp/message-scan.ts'

function reading(status: number, headers: readonly string[]) {
  const messages: ServerMessage[] = []
  const reader = new ResponseReader((message) => messages.push(message))
  reader.head(status, headers)
  return { reader, messages, write: (text: string) => reader.chunk(Buffer.from(text)) }
}

const ANSWER = '{"id":1,"result":{}}'
const SEEN: ServerMessage = { kind: 'response', idKey: 'number:1', outcome: 'complete' }

test('a body of JSON and an event stream are read, a body under another type, compressed or with a failure is not', () => {
  for (const [status, headers, form] of [
    [200, ['content-type', 'application/json'], 'json'],
    [202, ['Content-Type', 'Application/JSON; charset=utf-8'], 'json'],
    [200, ['content-type', 'text/event-stream'], 'events'],
    [200, ['content-type', 'text/event-stream;charset=utf-8', 'content-encoding', 'Identity '], 'events'],
    [200, ['content-type', 'application/json', 'content-encoding', 'gzip'], 'unread'],
    [200, ['content-type', 'text/html'], 'unread'],
    [200, [], 'unread'],
    [404, ['content-type', 'application/json'], 'unread'],
  ] as const satisfies readonly (readonly [number, readonly string[], ResponseForm])[]) {
    const { reader, messages, write } = reading(status, headers)
    write(`data: ${ANSWER}\n\n`.slice(form === 'json' ? 'data: '.length : 0))
    assert.deepEqual([reader.form, messages], [form, form === 'unread' ? [] : [SEEN]], headers.join())
  }
})

test('a stream can be resumed once an event had an id, and JSON never', () => {
  const stream = reading(200, ['content-type', 'text/event-stream'])
  stream.write(`data: ${ANSWER}\n\n`)
  assert.equal(stream.reader.hasEventIds, false)
  stream.write('id: 7\ndata: \n\n')
  assert.equal(stream.reader.hasEventIds, true)
  const json = reading(200, ['content-type', 'application/json'])
  json.write('id: 7\n')
  assert.equal(json.reader.hasEventIds, false)
})

test('the kinds of messages and the outcomes of responses are told apart', () => {
  const { messages, write } = reading(200, ['content-type', 'text/event-stream'])
  for (const message of [
    { method: 'notifications/progress' },
    { id: 5, method: 'sampling/createMessage' },
    { id: 'a', result: { isError: true } },
    { id: 'b', result: { resultType: 'input_required' } },
    { id: 'c', error: { code: -32602 } },
    { id: 'd', error: { code: 1 }, result: { isError: true } },
    { result: {} },
  ])
    write(`data: ${JSON.stringify(message)}\n\n`)
  assert.deepEqual(messages, [
    { kind: 'notification' },
    { kind: 'request' },
    { kind: 'response', idKey: 'string:a', outcome: 'tool-error' },
    { kind: 'response', idKey: 'string:b', outcome: 'input-required' },
    { kind: 'response', idKey: 'string:c', outcome: 'protocol-error' },
    { kind: 'response', idKey: 'string:d', outcome: 'protocol-error' },
    { kind: 'response', idKey: undefined, outcome: 'complete' },
  ])
})

test('before the head nothing is read', () => {
  const reader = new ResponseReader(() => assert.fail('a message was read'))
  reader.chunk(Buffer.from(ANSWER))
  assert.deepEqual([reader.form, reader.hasEventIds], ['unread', false])
})
