/**
 * Whatever headers callers and tools send: what crosses is within what came, hop-by-hop headers and Spillway's own do not
 * cross, and nothing throws.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { responseHeaders, requestHeaders } from '../../src/upstream/headers.ts'
import { pushbackOf } from '../../src/upstream/pushback.ts'
import { framingOf } from '../../src/upstream/upload.ts'

const NAME = fc.constantFrom(
  'Connection',
  'connection',
  'Keep-Alive',
  'Transfer-Encoding',
  'TE',
  'Upgrade',
  'Proxy-Connection',
  'Trailer',
  'Content-Length',
  'Host',
  'Via',
  'X-Forwarded-For',
  'X-Request-Id',
  'X-Spillway-Priority',
  'X-SPILLWAY-TOOL',
  'X-Own',
  'Retry-After',
  'Date',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
)
const VALUE = fc.oneof(
  fc.constantFrom('close', 'x-own', 'X-Own, keep-alive', 'content-length', '0', '1', '1e3', ',,', ''),
  fc.string({ unit: 'binary-ascii', maxLength: 40 }),
)
const HEADERS = fc
  .array(fc.tuple(NAME, VALUE), { maxLength: 20 })
  .map((pairs) => pairs.flatMap(([name, value]) => [name, value]))
const NEVER = /^(?:connection|keep-alive|proxy-connection|te|transfer-encoding|upgrade|x-spillway-.*)$/i

const namesOf = (flat: readonly string[]): string[] => flat.filter((_, index) => index % 2 === 0)

test('of any headers of a caller the tool gets no hop-by-hop header and none of Spillway, and one Host', () => {
  const forwarding = {
    host: 'tool',
    callerHost: 'caller',
    peer: '127.0.0.1',
    httpVersion: '1.1',
    hops: undefined,
    requestId: 'id',
  }
  fc.assert(
    fc.property(HEADERS, (raw) => {
      const names = namesOf(requestHeaders(raw, forwarding))
      assert.ok(!names.some((name) => NEVER.test(name)), names.join())
      for (const once of ['host', 'x-request-id', 'via', 'x-forwarded-for', 'x-forwarded-proto'])
        assert.equal(names.filter((name) => name.toLowerCase() === once).length, 1, once)
    }),
  )
})

test('of any headers of a tool the caller gets only what it sent, without hop-by-hop headers and those of Spillway', () => {
  fc.assert(
    fc.property(HEADERS, (raw) => {
      const names = namesOf(responseHeaders(raw.map((part) => Buffer.from(part, 'latin1'))))
      assert.ok(!names.some((name) => NEVER.test(name)), names.join())
      assert.ok(names.every((name) => raw.includes(name)))
    }),
  )
})

test('any answer asks for a finite wait, for one without a length, or for none', () => {
  fc.assert(
    fc.property(fc.constantFrom(200, 403, 429, 500, 503), HEADERS, (status, headers) => {
      const wait = pushbackOf(status, headers)?.retryAfterMs
      assert.ok(wait === undefined || (Number.isFinite(wait) && wait >= 0))
    }),
    { numRuns: 1000 },
  )
})

test('the framing of any headers says whether a body comes', () => {
  fc.assert(
    fc.property(HEADERS, (raw) => {
      assert.equal(typeof framingOf(raw).hasBody, 'boolean')
    }),
  )
})
