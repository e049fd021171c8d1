/**
 * The time for which a caller says that it will wait.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { callerTtlMs } from '../../src/route/deadline.ts'

const ttlMsOf = (headers: Record<string, string>): number | undefined => callerTtlMs((name) => headers[name])

const ROWS: readonly (readonly [headers: Record<string, string>, ttlMs: number | undefined])[] = [
  [{}, undefined],
  [{ 'x-spillway-ttl-ms': '1500' }, 1500],
  [{ 'x-envoy-expected-rq-timeout-ms': ' 900 ' }, 900],
  [{ 'x-stainless-timeout': '2.5' }, 2500],
  [{ 'x-spillway-ttl-ms': '3000', 'x-stainless-timeout': '2', 'x-envoy-expected-rq-timeout-ms': '9' }, 9],
  [{ 'x-spillway-ttl-ms': '0', 'x-stainless-timeout': '600' }, 600_000],
]
const MALFORMED = ['', '0', '-1', '1e3', '0x10', 'NaN', 'Infinity', '5s', '1,2', '12345678901']

for (const [headers, ttlMs] of ROWS) {
  test(`the headers ${JSON.stringify(headers)} mean a TTL of ${ttlMs ?? 'no'} ms`, () => {
    assert.equal(ttlMsOf(headers), ttlMs)
  })
}

test('a malformed TTL is ignored', () => {
  for (const text of MALFORMED) {
    assert.equal(ttlMsOf({ 'x-spillway-ttl-ms': text, 'x-stainless-timeout': text }), undefined, text)
  }
})
