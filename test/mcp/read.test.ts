/**
 * The body of a request to an MCP server, read as data: calls, other messages, batches and problems.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { EnvelopeReader, MAX_BATCH_MESSAGES, MAX_KEY_BYTES, MAX_KEYS } from '../../src/mcp/envelope.ts'
import type { McpHeaders } from '../../src/mcp/headers.ts'
import { MAX_DEPTH } from '../../src/mcp/json-scan.ts'
import { MAX_NAME_CHARACTERS } from '../../src/mcp/message.ts'
import { BodyReader, labelOf } from '../../src/mcp/read.ts'
import type { McpBody } from '../../src/mcp/read.ts'
import { readBody } from '../support/read-body.ts'

const HEADERS = { contentType: ['application/json'], contentEncoding: [], version: [], method: [], name: [] }

function read(body: string, headers: Partial<McpHeaders> = {}): McpBody {
  return readBody(Buffer.from(body), { ...HEADERS, ...headers })
}

/** Why the envelope of the body is a problem; undefined when it is none. */
function problemOf(body: string): string | undefined {
  const shape = new EnvelopeReader(Buffer.from(body)).step(Infinity)
  return shape?.kind === 'problem' ? shape.what : undefined
}

const KINDS = ['call', 'request', 'notification', 'response', 'batch', 'opaque', 'problem']
const VALUES = [
  'application/json',
  'application/json; charset=utf-8',
  '2026-07-28',
  'tools/call',
  '=?base64?eA==?=',
]
/** Bytes that resemble a message in places. */
const anyBytes = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 3 }).map((bytes) => Buffer.from(bytes)),
      fc
        .constantFrom(
          '{',
          '}',
          '[',
          ']',
          ',',
          ':',
          '"',
          '\\',
          ' ',
          '"id":1',
          '"method":"tools/call"',
          '"params":',
          'é',
          '1e5',
        )
        .map((text) => Buffer.from(text)),
    ),
    { maxLength: 30 },
  )
  .map((parts) => Buffer.concat(parts))

const call = (id: string, name = '"x"'): string =>
  `{"id":${id},"method":"tools/call","params":{"name":${name}}}`

test('a call has its name, its id as it was written, and a key that is equal for equal ids', () => {
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

test('the id of a message is its own member, not a member of its params', () => {
  const body = '{"params":{"id":1,"name":"x","arguments":{"id":2}},"method":"tools/call","id":3}'
  assert.deepEqual(read(body), { kind: 'call', call: { id: '3', idKey: 'number:3', name: 'x' } })
})

test('the method of a message is a method of the specification, or other', () => {
  const methods = ['ping', 'tools/list', 'x/y', 'GET', 'batch', 'notifications/made/up'].map((method) => {
    const body = read(JSON.stringify({ id: 1, method }))
    return body.kind === 'request' ? body.method : body.kind
  })
  assert.deepEqual(methods, ['ping', 'tools/list', 'other', 'other', 'other', 'other'])
})

test('a message without a method is a response or a problem, with an id a request, without one a notification', () => {
  for (const [body, expected, label] of [
    [{ id: 1, result: {} }, { kind: 'response' }, 'response'],
    [{ id: 1, error: {} }, { kind: 'response' }, 'response'],
    [{ id: 'a', method: 'x' }, { kind: 'request', method: 'other', id: '"a"', opensStream: false }, 'other'],
    [{ method: 'ping' }, { kind: 'notification', method: 'ping', cancels: undefined }, 'ping'],
  ] as const) {
    assert.deepEqual(read(JSON.stringify(body)), expected)
    assert.equal(labelOf(expected), label)
  }
  assert.equal(read('{"id":1}').kind, 'problem')
})

test('notifications/cancelled names the request that is to end, and cancels nothing if it has an id', () => {
  const method = 'notifications/cancelled'
  const params = { requestId: 7 }
  assert.deepEqual(read(JSON.stringify({ method, params })), {
    kind: 'notification',
    method,
    cancels: 'number:7',
  })
  assert.deepEqual(read(JSON.stringify({ method })), { kind: 'notification', method, cancels: undefined })
  assert.equal(read(JSON.stringify({ id: 1, method, params })).kind, 'request')
})

test('a body without JSON is opaque, and counts as other', () => {
  const body = read('grant_type=x', { contentType: ['application/x-www-form-urlencoded'] })
  assert.deepEqual(body, { kind: 'opaque' })
  assert.equal(labelOf({ kind: 'opaque' }), 'other')
})

test('a request that may be answered by a long stream is marked', () => {
  for (const [method, isStream] of [
    ['subscriptions/listen', true],
    ['tasks/result', true],
    ['resources/read', false],
  ] as const) {
    const body = read(JSON.stringify({ id: 1, method }))
    assert.ok(body.kind === 'request' && body.opensStream === isStream)
  }
})

test('a batch is accepted in revisions that have batches, up to its bound, and without equal ids', () => {
  const batch = `[${call('1')},{"method":"ping","id":2}]`
  assert.equal(read(batch).kind, 'batch')
  assert.equal(read(batch, { version: ['2025-03-26'] }).kind, 'batch')
  assert.equal(read(batch, { version: ['2025-06-18'] }).kind, 'problem')
  const many = (count: number): string =>
    `[${Array.from({ length: count }, (_, id) => call(String(id))).join(',')}]`
  assert.equal(read(many(MAX_BATCH_MESSAGES)).kind, 'batch')
  assert.equal(read(many(MAX_BATCH_MESSAGES + 1)).kind, 'problem')
  assert.equal(read(`[${call('1')},${call('1.0')}]`).kind, 'problem')
})

test('names and ids longer than the bound are a problem', () => {
  const long = 'x'.repeat(MAX_NAME_CHARACTERS)
  assert.equal(read(call('1', JSON.stringify(long))).kind, 'call')
  assert.equal(read(call('1', JSON.stringify(`${long}x`))).kind, 'problem')
  assert.equal(read(call(JSON.stringify(long))).kind, 'problem')
})

test('the data of a call holds its name and id, and does not keep the body in memory', () => {
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

test('a message nested deeper than the bound is a problem', () => {
  const nested = (depth: number): string => `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`
  assert.equal(problemOf(nested(MAX_DEPTH - 1)), undefined)
  assert.match(problemOf(nested(MAX_DEPTH)) ?? '', /nested/)
  assert.match(problemOf(nested(1_000_000)) ?? '', /nested/)
})

test('a message and its params may have as many keys as the bound, and arguments any number', () => {
  const keys = (count: number): string => Array.from({ length: count }, (_, n) => `"k${n}":1`).join(',')
  assert.equal(problemOf(`{${keys(MAX_KEYS)}}`), undefined)
  assert.match(problemOf(`{${keys(MAX_KEYS + 1)}}`) ?? '', /keys/)
  assert.match(problemOf(`{"params":{${keys(MAX_KEYS + 1)}}}`) ?? '', /keys/)
  assert.equal(problemOf(`{"params":{"arguments":{${keys(MAX_KEYS + 1)}}}}`), undefined)
})

test('a method, name, id or key beyond its bound is a problem, however long it is', () => {
  const long = JSON.stringify('x'.repeat(MAX_NAME_CHARACTERS + 1))
  const longer = JSON.stringify('x'.repeat(100_000))
  for (const each of [long, longer]) {
    assert.equal(read(`{"id":1,"method":${each}}`).kind, 'problem')
    assert.equal(read(call('1', each)).kind, 'problem')
    assert.equal(read(call(each)).kind, 'problem')
    assert.equal(read(`{"id":${each},"method":"ping"}`).kind, 'problem')
  }
  const escaped = `"${'\\u0078'.repeat(MAX_NAME_CHARACTERS)}"`
  assert.equal(read(call('1', escaped)).kind, 'call')
  const key = (bytes: number): string => `{"id":1,"method":"ping","${'k'.repeat(bytes - 2)}":1}`
  assert.equal(read(key(MAX_KEY_BYTES)).kind, 'request')
  assert.equal(read(key(MAX_KEY_BYTES + 1)).kind, 'problem')
})

test('a content type of 16 KiB of spaces is refused in linear time', () => {
  const contentType = [`application/json${' '.repeat(16_000)}x`]
  const startedAt = performance.now()
  for (let n = 0; n < 20; n++) assert.equal(read('{}', { contentType }).kind, 'problem')
  assert.ok(performance.now() - startedAt < 500)
})

test('a body gives the same data in one step and in many', () => {
  const types = ['application/json', 'text/plain', 'application/json; charset=utf-16', 'x'.repeat(300)]
  fc.assert(
    fc.property(
      fc.oneof(
        anyBytes,
        fc.json({ maxDepth: 3 }).map((json) => Buffer.from(json)),
      ),
      fc.integer({ min: 1, max: 9 }),
      fc.constantFrom(...types),
      (bytes, step, type) => {
        const headers = { ...HEADERS, contentType: [type] }
        const reader = new BodyReader(bytes, headers)
        let body: McpBody | undefined
        for (let n = 0; body === undefined && n <= bytes.length + 1; n++) body = reader.step(step)
        assert.deepEqual(body, readBody(bytes, headers))
      },
    ),
    { numRuns: 5000 },
  )
})

test('arbitrary bytes under arbitrary headers give data, and nothing is thrown', () => {
  const values = fc.array(fc.oneof(fc.string({ maxLength: 40 }), fc.constantFrom(...VALUES)), {
    maxLength: 2,
  })
  const headers = fc.record({
    contentType: values,
    contentEncoding: values,
    version: values,
    method: values,
    name: values,
  })
  fc.assert(
    fc.property(anyBytes, headers, (bytes, values) => {
      assert.ok(KINDS.includes(readBody(bytes, values).kind))
    }),
    { numRuns: 2000 },
  )
})

test('routing headers are ignored before 2026-07-28, and have to agree with the body from then on', () => {
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

test('Mcp-Name may be canonical base64 of UTF-8', () => {
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

test('the reader never throws, and arguments of any JSON do not change the call', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 4 }), fc.string(), (json, text) => {
      read(text)
      const body = read(`{"id":1,"method":"tools/call","params":{"name":"x","arguments":${json}}}`)
      assert.ok(body.kind === 'call' && body.call.name === 'x' && body.call.id === '1')
      read(json)
    }),
  )
})
