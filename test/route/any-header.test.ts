/**
 * Arbitrary values in the headers that Spillway reads: a malformed value is ignored, causes no error, and takes time
 * proportional to its length.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PRIORITIES } from '../../src/lane/priority.ts'
import { agentKey } from '../../src/route/agent.ts'
import { callerTtlMs } from '../../src/route/deadline.ts'
import { claimedPriority } from '../../src/route/priority.ts'
import { parseTarget } from '../../src/route/target.ts'

/** As node's parser gives header values: latin1 without line breaks. */
const VALUE = fc.oneof(
  fc.string({ unit: fc.constantFrom(...Array.from('u=0123456789, ;".-+eE?\t*\x80\xffaz')), maxLength: 300 }),
  fc.string({ unit: 'binary-ascii', maxLength: 300 }),
  fc.constantFrom('', 'u=1', 'high', '1500', '1e9', '0', '-1', 'NaN', 'Infinity', '999999999999', '0x10'),
)
const LONG = 16_000

test('any priority header claims a known class or nothing', () => {
  fc.assert(
    fc.property(fc.option(VALUE, { nil: undefined }), fc.array(VALUE, { maxLength: 5 }), (word, fields) => {
      const claimed = claimedPriority(word, fields)
      assert.ok(claimed === undefined || PRIORITIES.includes(claimed))
    }),
  )
})

test('any TTL header gives a number of milliseconds above 0, or nothing', () => {
  fc.assert(
    fc.property(VALUE, VALUE, VALUE, (...values) => {
      const names = ['x-spillway-ttl-ms', 'x-envoy-expected-rq-timeout-ms', 'x-stainless-timeout']
      const ttlMs = callerTtlMs((name) => values[names.indexOf(name)])
      assert.ok(ttlMs === undefined || (Number.isFinite(ttlMs) && ttlMs > 0))
    }),
  )
})

test('the key of an agent is a hash, however long its header is', () => {
  const hashed: string[] = []
  const hash = (text: string): string => {
    hashed.push(text)
    return 'hash'
  }
  fc.assert(
    fc.property(VALUE, VALUE, (agent, authorization) => {
      const header = (name: string): string | undefined =>
        name === 'x-agent-id' ? agent : name === 'authorization' ? authorization : undefined
      assert.equal(agentKey('x-agent-id', { header, peer: '127.0.0.1' }, hash), 'hash')
    }),
  )
  assert.ok(hashed.length > 0)
})

const TARGET = fc.oneof(
  fc.string({
    unit: fc.constantFrom(...Array.from('/abAB.%2fF5cC;:@?#\\ \t&=+~'), '%2e', '%2F', '//', '\x80'),
    maxLength: 60,
  }),
  fc.webUrl({ withQueryParameters: true }),
  fc.string({ unit: 'binary-ascii', maxLength: 60 }),
)

test('any request target is a host and a path without dot segments, or a problem', () => {
  fc.assert(
    fc.property(TARGET, fc.array(fc.oneof(VALUE, fc.domain()), { maxLength: 2 }), (url, hosts) => {
      const parsed = parseTarget(url, hosts, 1)
      if (parsed.kind === 'problem') return assert.ok(parsed.what.length > 0)
      const { path, query, host } = parsed.target
      assert.ok(path.startsWith('/') && (query === '' || query.startsWith('?')))
      assert.equal(host, host.toLowerCase())
      assert.ok(!/[\s\\#]/.test(path + query))
      const decoded = path.replace(/%2e/gi, '.').replace(/%2f|%5c/gi, '/')
      assert.ok(!decoded.split('/').some((segment) => /^\.\.?(?:;|$)/.test(segment)), path)
    }),
    { numRuns: 1000 },
  )
})

// A regular expression that backtracks would exceed the time limit of the test run here.
test('headers as long as a head may be are read in linear time', () => {
  for (const unit of ['u', 'u=1,', ';', 'u;', '1', '%2f', '/.', ';a=', '"', ' ', 'a;'])
    for (const text of [unit.repeat(LONG / unit.length), `/${unit.repeat(LONG / unit.length)}`]) {
      claimedPriority(text, [text, text])
      callerTtlMs(() => text)
      parseTarget(text, [text], 1)
    }
})
