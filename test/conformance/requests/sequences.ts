/**
 * Several requests on one connection, and other bytes before, between and after them (RFC 9112, 9.3.2).
 */
import { END, dropped, head, many, passed, post, refused } from '../case.ts'
import type { Case, Got, Seen } from '../case.ts'

const whole = passed({ body: 'abc' })

function gets(count: number, version = '1.1', ...lines: readonly string[]): string {
  return Array.from({ length: count }, (_, i) => head(`GET $T/${i} HTTP/${version}`, ...lines)).join('')
}

function seenGets(count: number): Seen[] {
  return Array.from({ length: count }, (_, i) => ({ line: `GET $T/${i}`, fields: [] }))
}

const first: Seen = { line: 'GET $T/0', fields: [] }
const answered: Got = { by: 'tool', statuses: [200] }

const PIPELINES: readonly Case[] = [
  ...[2, 10, 100].map((count): Case => ({
    name: `${count} requests in one piece`,
    rfc: '9112 9.3.2',
    level: 'MUST',
    send: [gets(count)],
    allow: [many(seenGets(count))],
  })),
  {
    name: '10 requests after one that still runs',
    rfc: '9112 9.3.2',
    level: 'MUST',
    send: [gets(11)],
    answer: { send: [100, 'HTTP/1.1 200 OK\r\nX-For: 0\r\nContent-Length: 0\r\n\r\n'] },
    allow: [many(seenGets(11))],
  },
  {
    name: '60 requests after one that still runs',
    rfc: '9112 9.3.2',
    level: 'MUST',
    send: [gets(61)],
    answer: { send: [100, 'HTTP/1.1 200 OK\r\nX-For: 0\r\nContent-Length: 0\r\n\r\n'] },
    allow: [many(seenGets(61))],
  },
  {
    name: 'two requests with bodies',
    rfc: '9112 9.3.2',
    level: 'MUST',
    send: [post(['Content-Length: 3'], 'abc') + post(['Content-Length: 2'], 'de').replace('/x', '/y')],
    allow: [
      many([
        { line: 'POST $T/x', body: 'abc' },
        { line: 'POST $T/y', body: 'de' },
      ]),
    ],
  },
  {
    name: 'HEAD and GET',
    rfc: '9112 9.3.2',
    level: 'MUST',
    send: [head('HEAD $T/x HTTP/1.1') + head('GET $T/y HTTP/1.1')],
    allow: [many([{ line: 'HEAD $T/x' }, { line: 'GET $T/y' }])],
  },
  {
    name: 'two of HTTP/1.0 with keep-alive',
    rfc: '9112 9.3',
    level: 'MUST',
    send: [gets(2, '1.0', 'Connection: keep-alive')],
    allow: [many(seenGets(2)), { got: [answered], seen: [first], end: 'closes' }],
  },
  {
    name: 'a request after one of HTTP/1.0 is not served',
    rfc: '9112 9.3',
    level: 'MUST',
    send: [gets(2, '1.0')],
    answers: 1,
    allow: [{ got: [answered], seen: [first], end: 'closes' }],
  },
  {
    name: 'a request after Connection: close is not served',
    rfc: '9112 9.6',
    level: 'MUST',
    send: [gets(2, '1.1', 'Connection: close')],
    answers: 1,
    allow: [{ got: [answered], seen: [first], end: 'closes' }],
  },
  {
    name: 'junk after a request',
    rfc: '9112 9.3.2',
    level: 'MUST',
    send: [`${gets(1)}no HTTP at all\r\n\r\n`],
    answers: 2,
    allow: [
      { got: [answered, { by: 'proxy', statuses: [400] }], seen: [first], end: 'closes' },
      { got: [answered], seen: [first], end: 'closes' },
      { got: [], seen: [first], end: 'closes' },
      dropped,
    ],
    why: 'the answer to the junk must not look like the answer to the request; no answer at all is safe',
  },
  {
    name: 'a request after junk',
    rfc: '9112 9.3.2',
    level: 'MUST',
    send: [`no HTTP at all\r\n\r\n${gets(1)}`],
    answers: 1,
    allow: [{ ...refused(400), end: 'closes' }, dropped],
  },
  {
    name: 'a request byte by byte',
    rfc: '9112 2.2',
    level: 'MUST',
    send: [post(['Content-Length: 3'], 'abc')],
    isSlow: true,
    allow: [whole],
  },
  {
    name: 'an empty line between two requests',
    rfc: '9112 2.2',
    level: 'SHOULD',
    send: [`${post(['Content-Length: 3'], 'abc')}\r\n${gets(1)}`],
    allow: [many([{ line: 'POST $T/x', body: 'abc' }, first])],
  },
  {
    name: 'the caller closes its side after the request',
    rfc: '9112 9.6',
    level: 'MUST',
    send: [gets(1), END],
    allow: [
      { got: [answered], seen: [first] },
      { got: [], seen: [first], end: 'closes' },
      { got: [{ by: 'proxy', statuses: [400] }], seen: [first], end: 'closes' },
      dropped,
    ],
    why: 'a proxy cannot tell a half-closed connection from a caller that left',
  },
]

export const SEQUENCES: readonly Case[] = PIPELINES
