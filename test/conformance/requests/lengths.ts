/**
 * Content-Length in requests: valid, invalid, and in conflict with another length or Transfer-Encoding (RFC 9112, 6).
 */
import {
  AWAIT_ANSWER,
  AWAIT_TOOL,
  DESTROY,
  END,
  dropped,
  head,
  passed,
  post,
  refused,
  refusedForGood,
} from '../case.ts'
import type { Allowed, Case } from '../case.ts'

const CHUNKED = '3\r\nabc\r\n0\r\n\r\n'
const whole = passed({ body: 'abc' })
const wholeForGood: Allowed = { ...whole, end: 'closes' }
const refusal = refusedForGood(400)

/** A length that two parsers could interpret differently. */
function badLength(name: string, value: string, body = 'abc'): Case {
  return {
    name: `Content-Length ${name}`,
    rfc: '9112 6.3',
    level: 'MUST',
    send: [post([`Content-Length: ${value}`], body)],
    allow: [refusal, refusedForGood(413)],
  }
}

export const LENGTHS: readonly Case[] = [
  {
    name: 'a body with Content-Length',
    rfc: '9112 6.2',
    level: 'MUST',
    send: [post(['Content-Length: 3'], 'abc')],
    allow: [whole],
  },
  {
    name: 'POST with Content-Length: 0',
    rfc: '9112 6.3',
    level: 'MUST',
    send: [post(['Content-Length: 0'], '')],
    allow: [passed({ body: '' })],
  },
  {
    name: 'POST without a length has no body',
    rfc: '9112 6.3',
    level: 'MUST',
    send: [post([], '')],
    allow: [passed({ body: '' }), refused(411)],
  },
  {
    name: 'Content-Length with leading zeros',
    rfc: '9110 8.6',
    level: 'MUST',
    send: [post(['Content-Length: 003'], 'abc')],
    allow: [whole, refusal],
    why: 'the grammar allows leading zeros, but some parsers read the number as octal',
  },
  {
    name: 'Content-Length between spaces and tabs',
    rfc: '9112 5.1',
    level: 'MUST',
    send: [post(['Content-Length: \t 3 '], 'abc')],
    allow: [whole],
  },
  {
    name: 'Content-Length with a tab after it',
    rfc: '9112 5.1',
    level: 'MUST',
    send: [post(['Content-Length: 3\t'], 'abc')],
    allow: [whole],
  },
  badLength('+3', '+3'),
  badLength('-3', '-3'),
  badLength('-0', '-0', ''),
  badLength('0x3', '0x3'),
  badLength('3.0', '3.0'),
  badLength('1e1', '1e1'),
  badLength('3 3', '3 3'),
  badLength('3;', '3;'),
  badLength('"3"', '"3"'),
  badLength('abc', 'abc'),
  badLength('empty', ''),
  badLength('with a vertical tab', '\x0b3'),
  badLength('with a form feed after it', '3\x0c'),
  badLength('in digits of another script', '\xd9\xa3'),
  badLength('of 20 digits', '99999999999999999999'),
  badLength('of 2^64 + 3', '18446744073709551619'),
  {
    name: 'Content-Length of 2^63, three bytes and the end',
    rfc: '9110 8.6',
    level: 'MUST',
    send: [post(['Content-Length: 9223372036854775808'], 'abc'), AWAIT_ANSWER, END],
    answers: 1,
    allow: [refused(400, 413), { got: [], seen: [{ isCut: true }], end: 'closes' }],
  },
  badLength('3, 4', '3, 4'),
  badLength('3,', '3,'),
  {
    name: 'Content-Length 3, 3',
    rfc: '9112 6.3',
    level: 'MUST',
    send: [post(['Content-Length: 3, 3'], 'abc')],
    allow: [whole, refusal],
  },
  {
    name: 'two equal Content-Length lines',
    rfc: '9112 6.3',
    level: 'MUST',
    send: [post(['Content-Length: 3', 'Content-Length: 3'], 'abc')],
    allow: [whole, refusal],
  },
  {
    name: 'two different Content-Length lines',
    rfc: '9112 6.3',
    level: 'MUST',
    send: [post(['Content-Length: 3', 'Content-Length: 4'], 'abcd')],
    allow: [refusal],
  },
  {
    name: 'two different lengths, a field between them',
    rfc: '9112 6.3',
    level: 'MUST',
    send: [post(['Content-Length: 0', 'X-A: 1', 'content-length: 3'], 'abc')],
    allow: [refusal],
  },
  {
    name: 'Content-Length and chunked',
    rfc: '9112 6.3',
    level: 'MUST',
    send: [post(['Content-Length: 3', 'Transfer-Encoding: chunked'], CHUNKED)],
    allow: [refusal, wholeForGood],
  },
  {
    name: 'chunked and Content-Length',
    rfc: '9112 6.3',
    level: 'MUST',
    send: [post(['Transfer-Encoding: chunked', 'Content-Length: 3'], CHUNKED)],
    allow: [refusal, wholeForGood],
  },
  {
    name: 'a request hidden after the last chunk (CL.TE)',
    rfc: '9112 11.2',
    level: 'MUST',
    send: [
      post(
        ['Content-Length: 46', 'Transfer-Encoding: chunked'],
        '0\r\n\r\nGET $T/hidden HTTP/1.1\r\nHost: $H\r\nX: a\r\n\r\n',
      ),
    ],
    answers: 1,
    allow: [refusal, { ...passed({ body: '' }), end: 'closes' }],
  },
  {
    name: 'a request hidden in a chunk (TE.CL)',
    rfc: '9112 11.2',
    level: 'MUST',
    send: [
      post(
        ['Content-Length: 4', 'Transfer-Encoding: chunked'],
        '2c\r\nGET $T/hidden HTTP/1.1\r\nHost: $H\r\nX: yz\r\n\r\n\r\n0\r\n\r\n',
      ),
    ],
    answers: 1,
    allow: [refusal, { ...passed(), end: 'closes' }],
  },
  {
    name: 'Content-Length in a first field line that begins with a space',
    rfc: '9112 2.2',
    level: 'MUST',
    send: ['POST $T/x HTTP/1.1\r\n Content-Length: 3\r\nHost: $H\r\n\r\nabc'],
    answers: 1,
    allow: [refusal],
    why: 'the RFC allows ignoring the line, but then the body would be read as a request',
  },
  {
    name: 'Content-Length in a folded line of another field',
    rfc: '9112 5.2',
    level: 'MUST',
    send: [post(['X-A: 1\r\n Content-Length: 3'], '')],
    allow: [refused(400), passed({ fields: ['x-a: 1 Content-Length: 3'], body: '', isUnfolded: true })],
  },
  {
    name: 'a NUL in the name of Content-Length',
    rfc: '9110 5.5',
    level: 'MUST',
    send: [post(['Content-Length\0: 3'], 'abc')],
    answers: 1,
    allow: [refusal],
  },
  {
    name: 'Content_Length is another field',
    rfc: '9110 5.1',
    level: 'MUST',
    send: [post(['Content_Length: 30', 'Content-Length: 3'], 'abc')],
    allow: [passed({ fields: ['content_length: 30'], body: 'abc' }), refusal],
  },
  ...['GET', 'DELETE', 'OPTIONS', 'HEAD'].map((method): Case => ({
    name: `${method} with a body`,
    rfc: '9110 9.3',
    level: 'MUST',
    send: [`${head(`${method} $T/x HTTP/1.1`, 'Content-Length: 3')}abc`],
    allow: [whole, refusedForGood(400, 405, 413)],
    why: 'the body has no defined meaning, so it may be refused; its length must be respected all the same',
  })),
  {
    name: 'GET with a chunked body',
    rfc: '9110 9.3',
    level: 'MUST',
    send: [`${head('GET $T/x HTTP/1.1', 'Transfer-Encoding: chunked')}${CHUNKED}`],
    allow: [whole, refusedForGood(400, 413)],
  },
  {
    name: 'a body shorter than its length, then the end',
    rfc: '9112 8',
    level: 'MUST',
    send: [post(['Content-Length: 5'], 'abc'), END],
    allow: [
      dropped,
      refusedForGood(400, 408),
      { got: [], seen: [{ isCut: true }], end: 'closes' },
      { got: [{ by: 'proxy', statuses: [400, 408] }], seen: [{ isCut: true }], end: 'closes' },
    ],
  },
  {
    name: 'a body shorter than its length, then a reset',
    rfc: '9112 8',
    level: 'MUST',
    send: [post(['Content-Length: 5'], 'abc'), AWAIT_TOOL, DESTROY],
    answers: 0,
    allow: [dropped, { got: [], seen: [{ isCut: true }], end: 'closes' }],
  },
  {
    name: 'bytes after the body are the next request',
    rfc: '9112 6.3',
    level: 'MUST',
    send: [post(['Content-Length: 3'], 'abcdef\r\n\r\n')],
    answers: 2,
    allow: [
      {
        got: [
          { by: 'tool', statuses: [200] },
          { by: 'proxy', statuses: [400] },
        ],
        seen: [{ body: 'abc' }],
        end: 'closes',
      },
      { ...whole, end: 'closes' },
      { got: [], seen: [{ body: 'abc' }], end: 'closes' },
      dropped,
    ],
    why: 'the answer to the junk must not look like the answer to the request; no answer at all is safe',
  },
]
