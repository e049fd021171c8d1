/**
 * What a POST to an MCP server is, by its body and, since 2026-07-28, its headers.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { MOST_KEYS, MOST_NESTED, shapeOf } from '../../src/route/json-shape.ts'
import { LONGEST_NAME, MOST_IN_BATCH, readMcp } from '../../src/route/mcp.ts'
import type { McpBody, McpHeaders } from '../../src/route/mcp.ts'

function read(body: string, headers: Partial<McpHeaders> = {}): McpBody {
  const base = { contentType: ['application/json'], contentEncoding: [], version: [], method: [], name: [] }
  return readMcp(Buffer.from(body), { ...base, ...headers })
}

const call = (id: string, name = '"x"'): string =>
  `{"id":${id},"method":"tools/call","params":{"name":${name}}}`

test('a call is known by its name and its id as it was written', () => {
  for (const [id, idKey] of [
    ['0', 'number:0'],
    ['-1', 'number:-1'],
    ['1e2', 'number:100'],
    ['""', 'string:'],
    ['"0"', 'string:0'],
    ['"\\u00e9"', 'string:é'],
    ['12345678901234567890', 'number:12345678901234567000'],
  ] as const) {
    assert.deepEqual(read(call(id)), { kind: 'call', call: { id, idKey, name: 'x' } })
  }
})

test('the id of a message is that of the message, not one within it', () => {
  const body = '{"params":{"id":1,"name":"x","arguments":{"id":2}},"method":"tools/call","id":3}'
  assert.deepEqual(read(body), { kind: 'call', call: { id: '3', idKey: 'number:3', name: 'x' } })
})

test('messages are counted under names of a closed set', () => {
  const methods = ['ping', 'tools/list', 'x/y', 'GET', 'batch', 'notifications/made/up'].map((method) => {
    const body = read(JSON.stringify({ id: 1, method }))
    return body.kind === 'other' ? body.method : body.kind
  })
  assert.deepEqual(methods, ['ping', 'tools/list', 'other', 'other', 'other', 'other'])
})

test('long streams are told apart from messages', () => {
  for (const [method, isStream] of [
    ['subscriptions/listen', true],
    ['tasks/result', true],
    ['resources/read', false],
  ] as const) {
    const body = read(JSON.stringify({ id: 1, method }))
    assert.ok(body.kind === 'other' && body.isStream === isStream)
  }
})

test('a batch belongs to the revisions that have batches, and is bounded', () => {
  const batch = `[${call('1')},{"method":"ping","id":2}]`
  assert.equal(read(batch).kind, 'batch')
  assert.equal(read(batch, { version: ['2025-03-26'] }).kind, 'batch')
  assert.equal(read(batch, { version: ['2025-06-18'] }).kind, 'problem')
  const many = (count: number): string =>
    `[${Array.from({ length: count }, (_, id) => call(String(id))).join(',')}]`
  assert.equal(read(many(MOST_IN_BATCH)).kind, 'batch')
  assert.equal(read(many(MOST_IN_BATCH + 1)).kind, 'problem')
  assert.equal(read(`[${call('1')},${call('1.0')}]`).kind, 'problem')
})

test('names and ids are bounded', () => {
  const long = 'x'.repeat(LONGEST_NAME)
  assert.equal(read(call('1', JSON.stringify(long))).kind, 'call')
  assert.equal(read(call('1', JSON.stringify(`${long}x`))).kind, 'problem')
  assert.equal(read(call(JSON.stringify(long))).kind, 'problem')
})

test('a call that waits keeps its name and its id, and not the text that they came in', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const text = 'x'.repeat(2_000_000)
  const kept: McpBody[] = []
  collect()
  const before = process.memoryUsage().external
  for (let n = 0; n < 20; n++) {
    const params = { name: 'deep_research_of_everything', arguments: { text } }
    kept.push(read(JSON.stringify({ id: `550e8400-e29b-41d4-${n}`, method: 'tools/call', params })))
  }
  collect()
  const grownBytes = process.memoryUsage().external - before
  assert.ok(grownBytes < 20_000_000, `${grownBytes} bytes`)
  assert.ok(kept.every(({ kind }) => kind === 'call'))
})

test('a message may be nested as deep as the bound and no deeper', () => {
  const nested = (depth: number): string => `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`
  assert.equal(shapeOf(nested(MOST_NESTED - 1)).problem, undefined)
  assert.match(shapeOf(nested(MOST_NESTED)).problem ?? '', /nested/)
  assert.match(shapeOf(nested(1_000_000)).problem ?? '', /nested/)
})

test('a message and its params may have as many keys as the bound, arguments any number', () => {
  const keys = (count: number): string => Array.from({ length: count }, (_, n) => `"k${n}":1`).join(',')
  assert.equal(shapeOf(`{${keys(MOST_KEYS)}}`).problem, undefined)
  assert.match(shapeOf(`{${keys(MOST_KEYS + 1)}}`).problem ?? '', /keys/)
  assert.match(shapeOf(`{"params":{${keys(MOST_KEYS + 1)}}}`).problem ?? '', /keys/)
  assert.equal(shapeOf(`{"params":{"arguments":{${keys(MOST_KEYS + 1)}}}}`).problem, undefined)
})

test('headers count since 2026-07-28 only, and then have to agree', () => {
  const lie = { method: ['tools/list'], name: ['y'] }
  assert.equal(read(call('1'), lie).kind, 'call')
  assert.equal(read(call('1'), { ...lie, version: ['2025-11-25'] }).kind, 'call')
  assert.equal(read(call('1'), { ...lie, version: ['nonsense'] }).kind, 'call')
  const version = ['2026-07-28']
  assert.equal(read(call('1'), { ...lie, version }).kind, 'problem')
  assert.equal(read(call('1'), { version, method: ['tools/call'], name: ['y'] }).kind, 'problem')
  assert.equal(read(call('1'), { version, method: ['tools/call'], name: ['x', 'x'] }).kind, 'problem')
  assert.equal(read(call('1'), { version, method: [' tools/call '], name: [' x '] }).kind, 'call')
  assert.equal(read(call('1'), { version }).kind, 'call')
  assert.equal(read(call('1'), { version: ['2027-01-01'], name: ['y'] }).kind, 'problem')
  assert.equal(read('{"method":"ping","id":1}', { version, method: ['tools/call'] }).kind, 'problem')
  assert.equal(read('{"method":"ping","id":1}', { version, method: ['initialize'] }).kind, 'problem')
  assert.equal(read(call('1'), { version: ['2026-07-28', '2025-11-25'] }).kind, 'problem')
})

test('a name in the headers may be base64 of UTF-8, canonical and whole', () => {
  const version = ['2026-07-28']
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), (name) => {
      const coded = `=?base64?${Buffer.from(name).toString('base64')}?=`
      assert.equal(read(call('1', JSON.stringify(name)), { version, name: [coded] }).kind, 'call')
      assert.equal(read(call('1', JSON.stringify(`${name}.`)), { version, name: [coded] }).kind, 'problem')
    }),
  )
  for (const coded of ['=?base64?eA?=', '=?base64?e A==?=', '=?base64?/w==?=', '=?base64?eB==?=']) {
    const kind = read(call('1'), { version, name: [coded] }).kind
    assert.equal(kind, coded.includes('eB') ? 'call' : 'problem', coded)
  }
})

test('the reader never throws, and finds a call only where JSON.parse finds the same one', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 4 }), fc.string(), (json, text) => {
      read(text)
      const body = read(`{"id":1,"method":"tools/call","params":{"name":"x","arguments":${json}}}`)
      assert.ok(body.kind === 'call' && body.call.name === 'x' && body.call.id === '1')
      read(json)
    }),
  )
})
