/**
 * Interim answers are removed from a tool's bytes wherever the bytes are split, and are bounded in number and length. Other
 * bytes pass unchanged.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MalformedInterim, TooManyInterim } from '../../src/upstream/fault.ts'
import { InterimScan, MAX_INTERIM, MAX_INTERIM_BYTES } from '../../src/upstream/interim.ts'
import type { Interim } from '../../src/upstream/interim.ts'

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n'
const HINTS = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nX-A:  b \r\n\r\n'
const FINAL = `HTTP/1.1 200 OK\r\nContent-Length: ${CONTINUE.length}\r\n\r\n${CONTINUE}`

/** What the parser gets, and what was cut out, of these pieces. */
function scan(pieces: readonly (string | Buffer)[]) {
  const interim: Interim[] = []
  const scanner = new InterimScan((each) => interim.push(each))
  scanner.expect()
  const rest = pieces.map((piece) => scanner.take(Buffer.from(piece as string, 'latin1')) ?? Buffer.alloc(0))
  return { scanner, interim, rest: Buffer.concat(rest).toString('latin1') }
}

test('interim answers are cut out at the start, and what looks like one in a body stays', () => {
  const { interim, rest } = scan([CONTINUE + HINTS + FINAL])
  assert.equal(rest, FINAL)
  assert.deepEqual(interim, [
    { status: 100, headers: [] },
    { status: 103, headers: ['Link', '</a.css>; rel=preload', 'X-A', 'b'] },
  ])
})

test('wherever the bytes are split, the same is cut out', () => {
  const parts = fc.array(fc.constantFrom(CONTINUE, HINTS, '\r\n', 'HTTP/1.0 102 Processing\r\n\r\n'), {
    maxLength: 5,
  })
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(
      parts,
      sizes,
      fc.constantFrom(FINAL, 'HTTP/1.1 101 Up\r\n\r\nHTTP/1.1 100 C\r\n\r\n', 'no HTTP at all'),
      (before, splits, final) => {
        const bytes = before.join('') + final
        const pieces: string[] = []
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = splits[i % splits.length] ?? 1
          pieces.push(bytes.slice(at, at + size))
          at += size
        }
        const { interim, rest } = scan(pieces)
        assert.equal(rest, final)
        assert.equal(interim.length, before.filter((each) => each !== '\r\n').length)
      },
    ),
  )
})

test('nothing is cut out before a request, and again only after the next one', () => {
  const scanner = new InterimScan(() => assert.fail('none was expected'))
  assert.equal(scanner.take(Buffer.from(CONTINUE))?.toString(), CONTINUE)
  const seen: number[] = []
  const next = new InterimScan(({ status }) => seen.push(status))
  for (const status of [100, 102]) {
    next.expect()
    assert.equal(next.take(Buffer.from(`HTTP/1.1 ${status} x\r\n\r\n${FINAL}`))?.toString(), FINAL)
    assert.equal(next.take(Buffer.from(CONTINUE))?.toString(), CONTINUE)
  }
  assert.deepEqual(seen, [100, 102])
})

for (const [what, head] of [
  ['a bare line feed in its head', 'HTTP/1.1 103 x\nA: b\r\n\r\n'],
  ['a name that is none', 'HTTP/1.1 103 x\r\nA b: c\r\n\r\n'],
  ['no colon', 'HTTP/1.1 103 x\r\nAb\r\n\r\n'],
  ['a folded line', 'HTTP/1.1 103 x\r\nA: b\r\n c\r\n\r\n'],
  ['a status of four digits', 'HTTP/1.1 1030 x\r\n\r\n'],
  ['a zero byte', 'HTTP/1.1 103 x\r\nA: \0\r\n\r\n'],
] as const) {
  test(`an interim answer with ${what} is malformed`, () =>
    assert.throws(() => scan([head]), MalformedInterim))
}

test('interim answers are bounded by number and by bytes, also when one never ends', () => {
  assert.equal(scan([HINTS.repeat(MAX_INTERIM) + FINAL]).interim.length, MAX_INTERIM)
  assert.throws(() => scan([HINTS.repeat(MAX_INTERIM + 1)]), TooManyInterim)
  const endless = [
    'HTTP/1.1 103 x\r\n',
    ...Array<string>(MAX_INTERIM_BYTES / 1024).fill(`A: ${'b'.repeat(1021)}\r\n`),
  ]
  assert.throws(() => scan(endless), TooManyInterim)
  assert.throws(() => scan(Array<string>(MAX_INTERIM_BYTES).fill('\r\n')), TooManyInterim)
  const large = `HTTP/1.1 103 x\r\nA: ${'b'.repeat(MAX_INTERIM_BYTES / 2)}\r\n\r\n`
  assert.throws(() => scan([large, large]), TooManyInterim)
})

test('framing has no place in an interim answer', () => {
  const { interim } = scan(['HTTP/1.1 103 x\r\nContent-Length: 5\r\nTrailer: A\r\nLink: <x>\r\n\r\n'])
  assert.deepEqual(interim, [{ status: 103, headers: ['Link', '<x>'] }])
})
