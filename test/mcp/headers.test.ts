/**
 * What the headers of a request to an MCP server say: the protocol revision, the content type, and the routing headers.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  contentTypeOf,
  contradiction,
  headersProblem,
  mcpHeadersOf,
  revisionOf,
} from '../../src/mcp/headers.ts'
import type { McpHeaders } from '../../src/mcp/headers.ts'
import type { McpMessage } from '../../src/mcp/message.ts'

const NONE: McpHeaders = { contentType: [], contentEncoding: [], version: [], method: [], name: [] }

test('the headers are found in any letter case, with all their values in order', () => {
  const raw = [
    'Content-Type',
    'a',
    'MCP-PROTOCOL-VERSION',
    'b',
    'mcp-method',
    'c',
    'Mcp-Method',
    'd',
    'X',
    'e',
  ]
  assert.deepEqual(mcpHeadersOf(raw), { ...NONE, contentType: ['a'], version: ['b'], method: ['c', 'd'] })
})

for (const [version, hasBatches, isRouted] of [
  [undefined, true, false],
  ['nonsense', true, false],
  ['2025-03-26', true, false],
  ['2025-06-18', false, false],
  ['2025-11-25', false, false],
  [' 2026-07-28 ', false, true],
  ['2027-01-01', false, true],
] as const) {
  test(`the revision ${version ?? 'without a header'} ${hasBatches ? 'has' : 'lacks'} batches and ${isRouted ? 'has' : 'lacks'} routing headers`, () => {
    const revision = revisionOf({ version: version === undefined ? [] : [version] })
    assert.deepEqual(revision, {
      date: version?.includes('-') === true ? version.trim() : undefined,
      hasBatches,
      hasRoutingHeaders: isRouted,
      closingCancels: isRouted,
      hasResultType: isRouted,
    })
  })
}

for (const [type, expected] of [
  ['application/json', 'json'],
  [' Application/JSON ; charset="UTF-8" ', 'json'],
  ['application/json; charset=utf-16', 'like-json'],
  ['application/json; v=1', 'like-json'],
  ['application/vnd.api+json', 'like-json'],
  ['text/plain; charset=utf-7', 'like-json'],
  ['text/plain; charset=utf-8', 'other'],
  ['application/x-www-form-urlencoded', 'other'],
  [undefined, 'other'],
] as const) {
  test(`the content type ${type ?? '(none)'} is ${expected}`, () => {
    assert.equal(contentTypeOf({ ...NONE, contentType: type === undefined ? [] : [type] }), expected)
  })
}

test('duplicate headers and compressed bodies are a problem', () => {
  assert.equal(headersProblem({ ...NONE, contentEncoding: ['Identity'], version: ['x'] }), undefined)
  assert.match(headersProblem({ ...NONE, version: ['x', 'x'] }) ?? '', /MCP-Protocol-Version/)
  assert.match(headersProblem({ ...NONE, contentType: ['x', 'x'] }) ?? '', /Content-Type/)
  assert.match(headersProblem({ ...NONE, contentEncoding: ['gzip'] }) ?? '', /Content-Encoding/)
})

const CALL: McpMessage = { kind: 'call', call: { id: '1', idKey: 'number:1', name: 'search' } }
const PING: McpMessage = { kind: 'request', method: 'ping', id: '1', opensStream: false }
const UNKNOWN: McpMessage = { kind: 'request', method: 'other', id: '1', opensStream: false }
const RESPONSE: McpMessage = { kind: 'response' }

test('routing headers contradict a message with another method or name, and may be missing', () => {
  for (const [message, method, name, isContradiction] of [
    [CALL, undefined, undefined, false],
    [CALL, 'tools/call', 'search', false],
    [CALL, 'tools/list', undefined, true],
    [CALL, 'tools/call', 'other', true],
    [PING, 'ping', 'anything', false],
    [PING, 'tools/call', undefined, true],
    [PING, 'initialize', undefined, true],
    [PING, 'no/such', undefined, false],
    [UNKNOWN, 'no/such', undefined, false],
    [UNKNOWN, 'ping', undefined, true],
    [RESPONSE, undefined, undefined, false],
    [RESPONSE, 'ping', undefined, true],
  ] as const) {
    const headers = { ...NONE, method: method ? [method] : [], name: name ? [name] : [] }
    const what = `${message.kind} ${method ?? '-'} ${name ?? '-'}`
    assert.equal(contradiction(message, headers) !== undefined, isContradiction, what)
  }
})
