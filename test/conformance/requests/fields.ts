/**
 * Field lines of requests (RFC 9112, 5; RFC 9110, 5). Malformed names and values must be refused or cleaned; all other lines
 * must reach the tool unchanged.
 */
import { dropped, get, passed, refused } from '../case.ts'
import type { Allowed, Case } from '../case.ts'

const bad = [refused(400), dropped]
const tooLarge = [refused(400, 413, 431), dropped]

function badLine(name: string, text: string, rfc = '9112 5.1', level: Case['level'] = 'MUST'): Case {
  return { name, rfc, level, send: [get(text, 'X-B: 2')], answers: 1, allow: bad }
}

function kept(name: string, lines: readonly string[], ...more: readonly Allowed[]): Case {
  return { name, rfc: '9110 5.1', level: 'MUST', send: [get(...lines)], allow: [passed(), ...more] }
}

/** The proxy refuses the line, or replaces each forbidden character of the value by a space. */
function replaced(name: string, text: string, value: string): Case {
  return {
    name,
    rfc: '9110 5.5',
    level: 'MUST',
    send: [get(text)],
    answers: 1,
    allow: [passed({ fields: [`x-a: ${value}`] }), ...bad],
  }
}

export const FIELDS: readonly Case[] = [
  badLine('a space before the colon', 'X-A : 1'),
  badLine('a tab before the colon', 'X-A\t: 1'),
  badLine('an empty name', ': 1', '9110 5.1'),
  badLine('a name with a space', 'X A: 1', '9110 5.1'),
  badLine('a name with a parenthesis', 'X(A: 1', '9110 5.1', 'SHOULD'),
  badLine('a name with a quote', 'X"A: 1', '9110 5.1', 'SHOULD'),
  badLine('a name with a byte beyond ASCII', 'X\xe4: 1', '9110 5.1', 'SHOULD'),
  badLine('a name with a NUL', 'X\0A: 1', '9110 5.1'),
  badLine('a name with a bare CR', 'X\rA: 1', '9112 2.2'),
  badLine('a line without a colon', 'junk', '9112 5'),
  replaced('a NUL in a value', 'X-A: a\0b', 'a b'),
  replaced('a bare CR in a value', 'X-A: a\rb', 'a b'),
  replaced('CR CR LF after a value', 'X-A: a\r', 'a'),
  {
    name: 'a control character in a value',
    rfc: '9110 5.5',
    level: 'MUST',
    send: [get('X-A: a\x01b')],
    answers: 1,
    allow: [passed(), passed({ fields: ['x-a: a b'] }), ...bad],
  },
  {
    name: 'a bare LF after a value',
    rfc: '9112 2.2',
    level: 'MUST',
    send: [get('X-A: a\nX-B: b')],
    answers: 1,
    allow: [passed({ fields: ['x-a: a', 'x-b: b'] }), ...bad],
  },
  {
    name: 'a bare LF and a colon that hides a field',
    rfc: '9112 2.2',
    level: 'MUST',
    send: [get('X-A: a\nAuthorization: b')],
    answers: 1,
    allow: [passed({ fields: ['x-a: a', 'authorization: b'] }), ...bad],
  },
  {
    name: 'a folded line',
    rfc: '9112 5.2',
    level: 'MUST',
    send: [get('X-A: a\r\n b')],
    answers: 1,
    allow: [passed({ fields: ['x-a: a b'], isUnfolded: true }), ...bad],
  },
  {
    name: 'a line folded with a tab',
    rfc: '9112 5.2',
    level: 'MUST',
    send: [get('X-A: a\r\n\tb')],
    answers: 1,
    allow: [passed({ fields: ['x-a: a b'], isUnfolded: true }), ...bad],
  },
  {
    name: 'white space before the first field',
    rfc: '9112 2.2',
    level: 'MUST',
    send: ['GET $T/x HTTP/1.1\r\n X-A: 1\r\nHost: $H\r\n\r\n'],
    answers: 1,
    allow: [passed({ line: 'GET $T/x', fields: [] }), ...bad],
  },
  kept('an empty value', ['X-A:']),
  kept('a value with white space around it', ['X-A: \t a b \t']),
  kept('a value without white space', ['X-A:a']),
  kept('a value with a colon', ['X-A: a: b']),
  kept('a value in quotes', ['X-A: "a, b"; c="\\""']),
  kept('a value of bytes beyond ASCII', ['X-A: m\xfcnchen \xe2\x82\xac']),
  kept('a name of every mark that a token may have', ["X!#$%&'*+.^_`|~-9: 1"]),
  kept('a name with an underscore', ['X_A: 1']),
  kept('a name with a dot', ['X.A: 1']),
  kept('fields in their order', ['B: 1', 'A: 2', 'C: 3']),
  kept('a repeated field', ['X-A: 1', 'X-B: 2', 'X-A: 3'], passed({ fields: ['x-a: 1, 3', 'x-b: 2'] })),
  kept('a field repeated in another case', ['X-A: 1', 'x-a: 1'], passed({ fields: ['x-a: 1, 1'] })),
  kept('two lines of Cookie', ['Cookie: a=1', 'Cookie: b=2'], passed({ fields: ['cookie: a=1; b=2'] })),
  kept('two lines of Authorization', ['Authorization: a', 'Authorization: b'], ...bad),
  kept('two lines of Content-Type', ['Content-Type: a/b', 'Content-Type: c/d'], ...bad),
  kept('Accept-Encoding, Range and validators', [
    'Accept-Encoding: br',
    'Range: bytes=0-1',
    'If-None-Match: "a"',
  ]),
  kept(
    '90 fields',
    Array.from({ length: 90 }, (_, i) => `X-${i}: ${i}`),
  ),
  kept(
    '150 fields',
    Array.from({ length: 150 }, (_, i) => `X-${i}: ${i}`),
    ...tooLarge,
  ),
  kept(
    '1,200 fields',
    Array.from({ length: 1200 }, (_, i) => `A${i}: 1`),
    ...tooLarge,
  ),
  kept('a field of 7,000 bytes', [`X-A: ${'a'.repeat(7000)}`]),
  kept('a field of 20,000 bytes', [`X-A: ${'a'.repeat(20_000)}`], ...tooLarge),
  kept('a name of 300 bytes', [`X-${'a'.repeat(300)}: 1`], ...tooLarge),
  kept(
    '100,000 bytes of fields',
    Array.from({ length: 100 }, (_, i) => `X-${i}: ${'a'.repeat(1000)}`),
    ...tooLarge,
  ),
  {
    name: 'a head that never ends',
    rfc: '9110 15.5',
    level: 'SHOULD',
    send: [`GET $T/x HTTP/1.1\r\nHost: $H\r\nX-A: ${'a'.repeat(200_000)}`],
    answers: 1,
    allow: tooLarge,
  },
]
