/**
 * The scan accepts the JSON that JSON.parse accepts, in well-formed UTF-8, in steps of any size.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { JsonScan, MAX_DEPTH } from '../../src/mcp/json-scan.ts'

interface Reported {
  readonly opened: string[]
  readonly keys: string[]
  readonly values: string[]
}

/** The result of a scan, and what is reported to a sink that asks for the outermost `levels` containers. */
function scanned(bytes: Buffer, step = Infinity, levels = 2) {
  const reported: Reported = { opened: [], keys: [], values: [] }
  let depth = 0
  const text = (from: number, to: number): string => bytes.toString('utf8', from, to)
  const scan = new JsonScan(bytes, {
    open: (isObject) => {
      reported.opened.push(isObject ? '{' : '[')
      if (depth === levels) return false
      depth++
      return true
    },
    close: () => depth--,
    key: (from, to) => reported.keys.push(text(from, to)),
    value: (from, to) => reported.values.push(text(from, to)),
    problem: undefined,
  })
  let steps = 0
  while (!scan.step(step)) assert.ok(steps++ <= bytes.length, 'the scan does not end')
  return { isJson: scan.problem === undefined, problem: scan.problem, reported }
}

function isJson(bytes: Buffer): boolean {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
    return true
  } catch {
    return false
  }
}

const WELL_FORMED = [
  '0', '-0', '0.5', '-1.25e+10', '1E-7', '1e999', '12345678901234567890', 'true', 'false', 'null', '""', '[]', '{}',
  '[1,2]', '{"a":1,"a":2}', '{"__proto__":{}}', ' \t\r\n1 \t\r\n', '"\\u0000\\ud800\\uDFFF\\"\\\\\\/\\b\\f\\n\\r\\t"',
  '"\u007f\u2028\u2029\u{10ffff}"', '[[[{"a":[{}]}]]]', '[-1,0.0]',
] // prettier-ignore
const BROKEN = [
  '', ' ', '01', '-', '-01', '+1', '1.', '.5', '1e', '1e+', '0x1', '1 2', '1,', 'tru', 'truE', 'nul', 'falsey', '[1,]', '[,1]', '[1 2]',
  '{"a"}', '{"a":}', '{"a":1,}', '{a:1}', '{1:1}', "{'a':1}", '{"a":1 "b":2}', '{,}', '[', '{', '[}', '{]', ']', '}', '"', '"\\x"', '"\\u12g4"',
  '"\\u123', '"\\', '"\n"', '"\u0000"', '"\t"', '\uFEFF1', '\u00a01', '[1]x', 'NaN', 'Infinity', '/**/1', '1/**/', '--1', '1.e5', '1.5.5', '1e5e5',
  '1e5.5', '1-', '"a" "b"', '\u000b1', '\f1', ':', ',',
] // prettier-ignore

test('well-formed JSON is accepted and other text is not, as by JSON.parse', () => {
  for (const text of WELL_FORMED)
    assert.ok(isJson(Buffer.from(text)) && scanned(Buffer.from(text)).isJson, text)
  for (const text of BROKEN) assert.ok(!isJson(Buffer.from(text)) && !scanned(Buffer.from(text)).isJson, text)
})

/** Tokens of JSON in any order. */
const pieces = fc
  .array(
    fc.oneof(
      { weight: 12, arbitrary: fc.constantFrom(...'{}[],:"\\ \n0123456789-+.eEu'.split('')) },
      {
        weight: 3,
        arbitrary: fc.constantFrom(
          'true',
          'false',
          'null',
          '"a"',
          '"a":',
          '\\u00',
          'd8',
          'é',
          '\u2028',
          '\uFEFF',
        ),
      },
      { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 2 }) },
    ),
    { maxLength: 14 },
  )
  .map((parts) => Buffer.from(parts.join('')))

/** JSON with one byte changed, removed or inserted. */
const damaged = fc
  .tuple(fc.json({ maxDepth: 3, stringUnit: 'grapheme' }), fc.nat(), fc.nat(255), fc.constantFrom(0, 1, 2))
  .map(([json, place, byte, how]) => {
    const bytes = Buffer.from(json)
    const at = place % bytes.length
    const put = how === 1 ? [] : [byte]
    return Buffer.from([...bytes.subarray(0, at), ...put, ...bytes.subarray(how === 2 ? at : at + 1)])
  })

const step = fc.integer({ min: 1, max: 7 })

test('any bytes are accepted exactly when JSON.parse accepts them, in steps of any size', () => {
  const any = fc.oneof(
    pieces,
    damaged,
    fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
  )
  fc.assert(
    fc.property(any, step, (bytes, maxBytes) => {
      const whole = scanned(bytes)
      assert.equal(whole.isJson, isJson(bytes), JSON.stringify(bytes.toString('latin1')))
      assert.deepEqual(scanned(bytes, maxBytes), whole)
    }),
    { numRuns: 20_000 },
  )
})

test('byte sequences at the limits of the UTF-8 ranges are accepted exactly when they are well-formed', () => {
  const borders = [0x22, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff] // prettier-ignore
  for (const a of borders)
    for (const b of borders)
      for (const c of borders) {
        for (const bytes of [
          [a, b],
          [a, b, c],
          [a, b, c, 0x80],
          [a, b, c, 0xc0],
        ]) {
          const text = Buffer.from([0x22, ...bytes, 0x22])
          assert.equal(scanned(text).isJson, isJson(text), text.toString('hex'))
        }
      }
})

test('the keys and values reported of an object are those that JSON.parse finds', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })), step, (value, maxBytes) => {
      const { reported, isJson: isTaken } = scanned(Buffer.from(JSON.stringify(value)), maxBytes, 1)
      assert.ok(isTaken)
      assert.deepEqual(
        reported.keys,
        Object.keys(value).map((key) => JSON.stringify(key)),
      )
      const inner = Object.values(value)
      const plain = inner.filter((each) => typeof each !== 'object' || each === null)
      assert.deepEqual(
        reported.values,
        plain.map((each) => JSON.stringify(each)),
      )
      assert.equal(reported.opened.length, 1 + inner.length - plain.length)
    }),
  )
})

test('objects and lists may be nested up to the bound', () => {
  const nested = (depth: number): Buffer => {
    const half = Math.floor(depth / 2)
    const inner = '['.repeat(depth - half) + ']'.repeat(depth - half)
    return Buffer.from('{"a":'.repeat(half) + inner + '}'.repeat(half))
  }
  assert.equal(scanned(nested(MAX_DEPTH)).problem, undefined)
  assert.match(scanned(nested(MAX_DEPTH + 1)).problem ?? '', /nested/)
})

test('a problem of the sink ends the scan', () => {
  const sink = {
    open: () => true,
    close: () => undefined,
    key: () => undefined,
    problem: undefined as string | undefined,
  }
  let values = 0
  const scan = new JsonScan(Buffer.from('[1,2,3,nonsense'), {
    ...sink,
    get problem() {
      return values === 2 ? 'enough' : undefined
    },
    value: () => {
      values++
    },
  })
  assert.equal(scan.step(Infinity), true)
  assert.deepEqual([scan.problem, values], ['enough', 2])
})
