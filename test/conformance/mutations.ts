/**
 * Arbitraries for fast-check: well-formed requests and answers into which random flaws are put. A flaw is a piece that
 * parsers interpret differently, or bytes that are dropped, doubled or changed. Pure.
 */
import fc from 'fast-check'
import { get, ok, post } from './case.ts'

/** Pieces that HTTP parsers are known to interpret differently. */
const PIECES = [
  ...[
    '\r',
    '\n',
    '\r\n',
    '\0',
    ' ',
    '\t',
    ':',
    ',',
    ';',
    '\x0b',
    '\x7f',
    '\xff',
    '0',
    '-',
    '+',
    '"',
    '%',
    '#',
    '\\',
  ],
  ...['\r\n\r\n', '\r\n ', '\n\n', ' :', '0\r\n\r\n', '0x', '\r\r\n'],
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: identity\r\n',
  'Content-Length: 0\r\n',
  'Content-Length: 5\r\n',
  'Connection: close\r\n',
  'Connection: X-A\r\n',
  'Expect: 100-continue\r\n',
  'Upgrade: tea\r\nConnection: Upgrade\r\n',
  'Host: other.test\r\n',
  'X-A: b\r\n',
  'HTTP/1.1',
  'HTTP/1.1 200 OK\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
]

const REQUESTS = [
  get('X-A: a', 'Accept: */*'),
  post(['X-A: a', 'Content-Length: 5'], 'abcde'),
  post(['Transfer-Encoding: chunked'], '3\r\nabc\r\n2;e=f\r\nde\r\n0\r\nX-T: 1\r\n\r\n'),
  get('Connection: keep-alive') + post(['Content-Length: 3'], 'abc'),
]

const FOR = 'X-For: x'
const ANSWERS = [
  ok([FOR, 'Content-Length: 5', 'X-A: a'], 'abcde'),
  ok([FOR, 'Transfer-Encoding: chunked'], '3\r\nabc\r\n2;e=f\r\nde\r\n0\r\nX-T: 1\r\n\r\n'),
  ok([FOR, 'Content-Type: text/plain'], 'abcde'),
  `HTTP/1.1 103 Early\r\nLink: <a>\r\n\r\n${ok([FOR, 'Content-Length: 5'], 'abcde')}`,
  `HTTP/1.1 204 No Content\r\n${FOR}\r\n\r\n`,
]

interface Mutation {
  readonly kind: 'put' | 'drop' | 'double' | 'change' | 'case'
  /** Position as a fraction of the length. */
  readonly at: number
  readonly length: number
  readonly piece: string
}

const MUTATION: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom('put', 'put', 'put', 'drop', 'double', 'change', 'case'),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.integer({ min: 1, max: 20 }),
  piece: fc.oneof(
    fc.constantFrom(...PIECES),
    fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  ),
})

function mutate(text: string, { kind, at, length, piece }: Mutation): string {
  const from = Math.floor(at * text.length)
  const [before, middle, after] = [
    text.slice(0, from),
    text.slice(from, from + length),
    text.slice(from + length),
  ]
  switch (kind) {
    case 'put':
      return before + piece + middle + after
    case 'drop':
      return before + after
    case 'double':
      return before + middle + middle + after
    case 'change':
      return before + piece + text.slice(from + piece.length)
    case 'case':
      return before + swapped(middle) + after
  }
}

function swapped(text: string): string {
  return Array.from(text, (letter) =>
    letter === letter.toUpperCase() ? letter.toLowerCase() : letter.toUpperCase(),
  ).join('')
}

/** At most three mutations, so that most messages still reach the tool of their case. */
function flawed(messages: readonly string[]): fc.Arbitrary<string> {
  return fc
    .tuple(fc.constantFrom(...messages), fc.array(MUTATION, { minLength: 1, maxLength: 3 }))
    .map(([message, mutations]) => mutations.reduce(mutate, message))
}

export const FLAWED_REQUEST = flawed(REQUESTS)
export const FLAWED_ANSWER = flawed(ANSWERS)
