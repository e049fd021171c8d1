/**
 * Which headers cross the proxy in each direction, which ones Spillway writes itself, and how a header is found in a flat
 * list of names and values.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  headerValue,
  headerValues,
  hopsLeft,
  responseHeaders,
  requestHeaders,
} from '../../src/upstream/headers.ts'

const FORWARDING: Parameters<typeof requestHeaders>[1] = {
  host: 'api.github.com',
  callerHost: 'localhost:8080',
  peer: '127.0.0.1',
  requestId: 'id-1',
  httpVersion: '1.1',
  hops: undefined,
}

/** Names and values as pairs, names in lower case. */
function pairs(flat: readonly string[]): [string, string][] {
  const names = flat.filter((_, i) => i % 2 === 0)
  return names.map((name, i) => [name.toLowerCase(), flat[2 * i + 1] ?? ''])
}

function sent(raw: readonly string[], forwarding = FORWARDING): [string, string][] {
  return pairs(requestHeaders(raw, forwarding))
}

const valuesOf = (list: readonly [string, string][], wanted: string): string[] =>
  list.filter(([name]) => name === wanted).map(([, value]) => value)

test('the tool sees its own host, and the caller in the forwarding headers', () => {
  assert.deepEqual(sent(['Host', 'localhost:8080', 'Accept', '*/*']), [
    ['host', 'api.github.com'],
    ['accept', '*/*'],
    ['x-forwarded-for', '127.0.0.1'],
    ['x-forwarded-proto', 'http'],
    ['via', '1.1 spillway'],
    ['x-forwarded-host', 'localhost:8080'],
    ['x-request-id', 'id-1'],
  ])
})

test('a caller that named no host is not given one', () => {
  assert.deepEqual(valuesOf(sent([], { ...FORWARDING, callerHost: '' }), 'x-forwarded-host'), [])
})

const HOP_BY_HOP = [
  'Connection',
  'Keep-Alive',
  'Proxy-Connection',
  'Proxy-Authenticate',
  'Proxy-Authorization',
  'TE',
  'Transfer-Encoding',
  'Upgrade',
  'HTTP2-Settings',
]

for (const name of HOP_BY_HOP) {
  test(`${name} crosses the proxy in neither direction`, () => {
    const raw = [name, 'close', 'X-Kept', 'yes']
    assert.deepEqual(valuesOf(sent(raw), name.toLowerCase()), [])
    assert.deepEqual(responseHeaders(raw), ['X-Kept', 'yes'])
  })
}

for (const name of ['Expect', 'Trailer', 'X-Spillway-Priority', 'x-spillway-anything']) {
  test(`${name} is not passed to the tool`, () => {
    assert.deepEqual(valuesOf(sent([name, 'x']), name.toLowerCase()), [])
  })
}

test('headers that Connection names stay behind, in both directions, however it is written', () => {
  const raw = [
    'X-One',
    '1',
    'X-Two',
    '2',
    'X-Three',
    '3',
    'connection',
    'keep-alive, x-ONE',
    'Connection',
    ' X-Two ,',
  ]
  assert.deepEqual(
    sent(raw).filter(([name]) => /^x-(one|two|three)$/.test(name)),
    [['x-three', '3']],
  )
  assert.deepEqual(responseHeaders(raw), ['X-Three', '3'])
})

test('a caller cannot have Connection take away what the proxy says itself', () => {
  const list = sent(['Connection', 'host, x-forwarded-for, via, x-request-id', 'X-Forwarded-For', '10.0.0.9'])
  assert.deepEqual(valuesOf(list, 'host'), ['api.github.com'])
  assert.deepEqual(valuesOf(list, 'x-forwarded-for'), ['10.0.0.9, 127.0.0.1'])
  assert.deepEqual(valuesOf(list, 'via'), ['1.1 spillway'])
  assert.deepEqual(valuesOf(list, 'x-request-id'), ['id-1'])
})

test('the chains of earlier proxies are continued, not replaced', () => {
  const list = sent(['Via', '1.0 first', 'X-Forwarded-For', '10.0.0.9'])
  assert.deepEqual(valuesOf(list, 'via'), ['1.0 first, 1.1 spillway'])
  assert.deepEqual(valuesOf(list, 'x-forwarded-for'), ['10.0.0.9, 127.0.0.1'])
})

test('the chains of earlier proxies keep their order when they came in several lines', () => {
  const list = sent([
    'Via',
    '1.0 first',
    'X-Forwarded-For',
    '10.0.0.8',
    'Via',
    '1.0 second',
    'X-Forwarded-For',
    '10.0.0.9',
  ])
  assert.deepEqual(valuesOf(list, 'via'), ['1.0 first, 1.0 second, 1.1 spillway'])
  assert.deepEqual(valuesOf(list, 'x-forwarded-for'), ['10.0.0.8, 10.0.0.9, 127.0.0.1'])
})

test('Via says which version the caller spoke, and loses what Connection names', () => {
  const old = { ...FORWARDING, httpVersion: '1.0' }
  assert.deepEqual(valuesOf(sent(['Via', '1.1 first'], old), 'via'), ['1.1 first, 1.0 spillway'])
  assert.deepEqual(valuesOf(sent(['Connection', 'via', 'Via', '1.1 first']), 'via'), ['1.1 spillway'])
})

test('OPTIONS and TRACE count the proxies that they may pass, other methods do not', () => {
  const raw = (value: string) => ['Max-Forwards', value]
  assert.equal(hopsLeft('OPTIONS', raw('5')), 5)
  assert.equal(hopsLeft('TRACE', raw('0')), 0)
  assert.equal(hopsLeft('TRACE', raw('9'.repeat(40))), 999_999_999)
  for (const value of ['-1', '', '1.5', 'x']) assert.equal(hopsLeft('OPTIONS', raw(value)), undefined, value)
  assert.equal(hopsLeft('OPTIONS', []), undefined)
  assert.equal(hopsLeft('GET', raw('0')), undefined)
  assert.deepEqual(valuesOf(sent(raw('5'), { ...FORWARDING, hops: 5 }), 'max-forwards'), ['4'])
  assert.deepEqual(valuesOf(sent(raw('0')), 'max-forwards'), ['0'])
})

test("what the caller says of the forwarding itself does not reach the tool beside the proxy's word", () => {
  const list = sent(['X-Forwarded-Proto', 'https', 'X-Forwarded-Host', 'evil', 'X-Request-Id', 'other'])
  assert.deepEqual(valuesOf(list, 'x-forwarded-proto'), ['http'])
  assert.deepEqual(valuesOf(list, 'x-forwarded-host'), ['localhost:8080'])
  assert.deepEqual(valuesOf(list, 'x-request-id'), ['id-1'])
})

test('everything else crosses untouched: repeated, in order, in its spelling', () => {
  const raw = [
    'Set-Cookie',
    'a=1',
    'IDEMPOTENCY-Key',
    'k',
    'traceparent',
    '00-1',
    'baggage',
    'b',
    'Set-Cookie',
    'b=2',
  ]
  assert.deepEqual(requestHeaders(raw, FORWARDING).slice(2, 12), raw)
  assert.deepEqual(responseHeaders(raw), raw)
})

test("the tool's answer is not dressed up: nothing is added, and it cannot claim to be a lane's", () => {
  assert.deepEqual(responseHeaders([]), [])
  assert.deepEqual(responseHeaders(['X-Spillway-Tool', 'other', 'Retry-After', 'soon']), [
    'Retry-After',
    'soon',
  ])
})

test("the tool's headers are read as latin1, as HTTP carries them", () => {
  assert.deepEqual(responseHeaders([Buffer.from('X-Name'), Buffer.from([0x4d, 0xfc])]), ['X-Name', 'Mü'])
})

test('a header is found in any spelling: the first value, or all of them in order', () => {
  const raw = ['HOST', 'a', 'X', '1', 'host', 'b', 'Hosts', 'c']
  assert.equal(headerValue(raw, 'host'), 'a')
  assert.equal(headerValue(raw, 'nothing'), undefined)
  assert.deepEqual(headerValues(raw, 'host'), ['a', 'b'])
  assert.deepEqual(headerValues(raw, 'nothing'), [])
})
