/**
 * Status lines and fields of tools' answers, well-formed and malformed, and answers that come slowly or never (RFC 9112, 4
 * and 5; RFC 9110, 7.6.1).
 */
import { badGateway, cutBeforeHead, ok, passed } from '../case.ts'
import type { Allowed, Case, Got } from '../case.ts'
import { answer, LENGTH, MARK, never, PLAIN, REST } from './answer.ts'
import type { Parts } from './answer.ts'

const got = (what: Partial<Got>): Allowed => passed({}, { body: 'abc', ...what })
const whole = got({})

function badStatus(line: string, parts: Parts = {}): Case {
  return answer(`the status line ${line.replaceAll('\0', '\\x00')}`, `${line}${REST}`, never, parts)
}

/** Invalid statuses, which some servers use privately. A client should treat them as 5xx (RFC 9110, 15). */
function oddStatus(status: number): Case {
  const parts: Parts = {
    rfc: '9110 15',
    level: 'SHOULD',
    why: 'the proxy may leave the interpretation to the caller',
  }
  const line = `HTTP/1.1 ${status} Odd`
  return answer(`the status line ${line}`, `${line}${REST}`, [got({ statuses: [status] }), ...never], parts)
}

const STATUS_LINES: readonly Case[] = [
  answer('a status line without a reason', `HTTP/1.1 200 ${REST}`, [whole]),
  answer('a status line without the space before the reason', `HTTP/1.1 200${REST}`, [whole, ...never]),
  answer('a reason of bytes beyond ASCII', `HTTP/1.1 200 m\xfc\xdfig${REST}`, [whole, ...never]),
  answer('an unregistered status', `HTTP/1.1 299 Odd${REST}`, [got({ statuses: [299] })], {
    rfc: '9110 15',
  }),
  answer('status 599', `HTTP/1.1 599 Odd${REST}`, [got({ statuses: [599] }), ...never], { rfc: '9110 15' }),
  answer('version HTTP/1.2 of a tool', `HTTP/1.2 200 OK${REST}`, [whole, ...never], {
    rfc: '9110 2.5',
    level: 'SHOULD',
  }),
  badStatus('HTTP/1.1 20 OK'),
  badStatus('HTTP/1.1 2000 OK'),
  badStatus('HTTP/1.1 abc OK'),
  badStatus('HTTP/1.1 -200 OK'),
  badStatus('HTTP/1.1'),
  badStatus('HTTP/1.1 000 Zero'),
  oddStatus(600),
  oddStatus(999),
  badStatus('HTTP/2.0 200 OK', { rfc: '9110 2.5', level: 'SHOULD' }),
  badStatus('HTTP/0.9 200 OK', { rfc: '9110 2.5', level: 'SHOULD' }),
  badStatus('http/1.1 200 OK'),
  badStatus('HTTP/1.1 2\x000 OK'),
  badStatus('ICY 200 OK'),
  badStatus('SSH-2.0-OpenSSH_9.2'),
  badStatus('no HTTP at all'),
  answer('a reason with a NUL', `HTTP/1.1 200 O\0K${REST}`, [whole, ...never]),
  answer('a reason with a bare CR', `HTTP/1.1 200 O\rX-Injected: 1${REST}`, [
    got({ lacks: ['x-injected'] }),
    ...never,
  ]),
  answer('an empty line before the status line', `\r\n${PLAIN}`, [whole, ...never], { rfc: '9112 2.2' }),
  answer('a tool that says nothing and closes', { send: [], then: 'close' }, never, { rfc: '9110 15.6.3' }),
  answer('a tool that says nothing and resets', { send: [], then: 'reset' }, never, { rfc: '9110 15.6.3' }),
  answer('a tool that says nothing', { send: [] }, [badGateway(504, 502)], { rfc: '9110 15.6.5' }),
  answer('the end within the status line', { send: ['HTTP/1.1 20'], then: 'close' }, never, {
    rfc: '9112 8',
  }),
  answer('the end within the fields', { send: [`HTTP/1.1 200 OK\r\n${MARK}\r\nX-A`], then: 'close' }, never, {
    rfc: '9112 8',
  }),
  answer(
    'a reset within the fields',
    { send: [`HTTP/1.1 200 OK\r\n${MARK}\r\nX-A`, 20], then: 'reset' },
    never,
    { rfc: '9112 8' },
  ),
  answer('an answer byte by byte', { send: Array.from(PLAIN).flatMap((byte) => [byte, 1]) }, [whole], {
    rfc: '9112 2.2',
  }),
]

function fields(name: string, lines: readonly string[], allow: readonly Allowed[], parts: Parts = {}): Case {
  return answer(name, ok([MARK, LENGTH, ...lines], 'abc'), allow, { rfc: '9112 5', ...parts })
}

/** The proxy may clean the line, or discard the answer. */
const cleaned = (line: string): readonly Allowed[] => [got({ has: [line] }), ...never]

const FIELDS: readonly Case[] = [
  fields(
    'fields of an answer',
    ['X-A: a, b', 'ETag: "x"', 'Cache-Control: no-cache'],
    [got({ has: ['x-a: a, b', 'etag: "x"', 'cache-control: no-cache'] })],
  ),
  fields(
    'two lines of Set-Cookie',
    ['Set-Cookie: a=1, 2', 'Set-Cookie: b=2'],
    [got({ has: ['set-cookie: a=1, 2', 'set-cookie: b=2'] })],
    { rfc: '9110 5.3' },
  ),
  fields('an answer without Date gets one', [], [got({ has: [/^date: \w{3}, \d\d /] })], {
    rfc: '9110 6.6.1',
  }),
  fields(
    'Date of the tool is kept',
    ['Date: Tue, 15 Nov 1994 08:12:31 GMT'],
    [got({ has: ['date: Tue, 15 Nov 1994 08:12:31 GMT'] })],
    { level: 'SHOULD', rfc: '9110 6.6.1' },
  ),
  fields(
    'a value of bytes beyond ASCII in an answer',
    ['X-A: m\xfcnchen'],
    [got({ has: ['x-a: m\xfcnchen'] })],
    { rfc: '9110 5.5' },
  ),
  fields('a space before the colon in an answer', ['X-A : 1'], cleaned('x-a: 1'), {
    rfc: '9112 5.1',
    why: 'the space must be removed; discarding the answer is as safe',
  }),
  fields(
    'a folded line in an answer',
    ['X-A: a\r\n b'],
    [...cleaned('x-a: a b'), got({ has: [/^x-a: a +b$/] })],
    { rfc: '9112 5.2' },
  ),
  fields('a NUL in a value of an answer', ['X-A: a\0b'], cleaned('x-a: a b'), { rfc: '9110 5.5' }),
  fields('a bare CR in a value of an answer', ['X-A: a\rX-B: b'], cleaned('x-a: a X-B: b'), {
    rfc: '9112 2.2',
  }),
  fields('a bare LF in an answer', ['X-A: a\nX-B: b'], [got({ has: ['x-a: a', 'x-b: b'] }), ...never], {
    rfc: '9112 2.2',
  }),
  fields('an empty name in an answer', [': 1'], [got({}), ...never], { rfc: '9110 5.1' }),
  fields('a name with a space in an answer', ['X A: 1'], [got({ lacks: ['x a', 'a'] }), ...never], {
    rfc: '9110 5.1',
  }),
  fields('a line without a colon in an answer', ['junk'], [got({}), ...never]),
  fields(
    '900 fields in an answer',
    Array.from({ length: 900 }, (_, i) => `A${i}: 1`),
    [got({ has: ['a899: 1'] }), ...never],
  ),
  fields(
    '100,000 fields in an answer',
    Array.from({ length: 100_000 }, (_, i) => `A${i}: 1`),
    never,
    { level: 'SHOULD' },
  ),
  fields('a field of a megabyte in an answer', [`X-A: ${'a'.repeat(1_000_000)}`], never, { level: 'SHOULD' }),
  answer(
    'a head that never ends in an answer',
    { send: [`HTTP/1.1 200 OK\r\n${MARK}\r\nX-A: ${'a'.repeat(300_000)}`] },
    [badGateway(502, 504), cutBeforeHead],
    { level: 'SHOULD' },
  ),
  fields('Connection names a field of an answer', ['Connection: X-A', 'X-A: 1'], [got({ lacks: ['x-a'] })], {
    rfc: '9110 7.6.1',
  }),
  fields(
    'Connection names Set-Cookie in an answer',
    ['Connection: Set-Cookie', 'Set-Cookie: a=1'],
    [got({ lacks: ['set-cookie'] })],
    { rfc: '9110 7.6.1' },
  ),
  fields(
    'Connection names Content-Length in an answer',
    ['Connection: Content-Length'],
    [got({}), ...never],
    { rfc: '9110 7.6.1' },
  ),
  answer(
    'Connection names Transfer-Encoding in an answer',
    ok([MARK, 'Connection: Transfer-Encoding', 'Transfer-Encoding: chunked'], '3\r\nabc\r\n0\r\n\r\n'),
    [whole, ...never],
    { rfc: '9110 7.6.1' },
  ),
  fields(
    'Keep-Alive and Proxy-Connection in an answer',
    ['Keep-Alive: timeout=77', 'Proxy-Connection: keep-alive'],
    [got({ lacks: ['proxy-connection'] })],
    { rfc: '9110 7.6.1', level: 'SHOULD' },
  ),
  fields(
    'Upgrade in an answer of 200',
    ['Upgrade: h2,h2c', 'Connection: Upgrade'],
    [got({ lacks: ['upgrade'] })],
    { rfc: '9110 7.8' },
  ),
  fields("Connection: close of the tool is not the caller's", ['Connection: close'], [got({})], {
    rfc: '9110 7.6.1',
  }),
  fields('TE and Trailer in an answer', ['TE: trailers', 'Trailer: X-T'], [got({ lacks: ['te'] })], {
    rfc: '9110 7.6.1',
    level: 'SHOULD',
  }),
]

export const ANSWER_HEADS: readonly Case[] = [...STATUS_LINES, ...FIELDS]
