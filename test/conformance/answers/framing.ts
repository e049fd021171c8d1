/**
 * The end of a tool's answer, and answers whose framing is wrong (RFC 9112, 6 to 8). Bytes that do not belong to the answer
 * must not reach its caller, and must never reach another caller.
 */
import { badGateway, cut, cutBeforeHead, get, ok, passed } from '../case.ts'
import type { Allowed, Answer, Case } from '../case.ts'

const MARK = 'X-For: x'
const GET = [get()]

function body(text: string): Allowed {
  return passed({}, { body: text })
}

function answer(name: string, sent: string | Answer, allow: readonly Allowed[], rfc = '9112 6.3'): Case {
  return {
    name,
    rfc,
    level: 'MUST',
    send: GET,
    answer: typeof sent === 'string' ? { send: [sent] } : sent,
    allow,
  }
}

/** Lengths that two parsers could interpret differently, so the proxy must discard the answer. */
function badLength(name: string, ...lines: readonly string[]): Case {
  return answer(`an answer with ${name}`, ok([MARK, ...lines], 'abc'), [badGateway(), cutBeforeHead])
}

function closing(sent: string): Answer {
  return { send: [sent], then: 'close' }
}

const LENGTHS: readonly Case[] = [
  answer('an answer with Content-Length', ok([MARK, 'Content-Length: 3'], 'abc'), [body('abc')]),
  answer('an answer of no bytes', ok([MARK, 'Content-Length: 0'], ''), [body('')]),
  answer('an answer that ends with the connection', closing(ok([MARK], 'abc')), [body('abc')]),
  answer('an answer that says close and ends with it', closing(ok([MARK, 'Connection: close'], 'abc')), [
    body('abc'),
  ]),
  answer(
    'an answer of HTTP/1.0',
    closing(ok([MARK], 'abc').replace('1.1', '1.0')),
    [passed({}, { body: 'abc', version: 'HTTP/1.1' })],
    '9110 2.5',
  ),
  answer(
    'an answer of HTTP/1.0 with a length and keep-alive',
    ok([MARK, 'Content-Length: 3', 'Connection: keep-alive'], 'abc').replace('1.1', '1.0'),
    [body('abc')],
  ),
  badLength('Content-Length: +3', 'Content-Length: +3'),
  badLength('Content-Length: -3', 'Content-Length: -3'),
  badLength('Content-Length: abc', 'Content-Length: abc'),
  badLength('an empty Content-Length', 'Content-Length:'),
  badLength('a length of 2^64 + 3', 'Content-Length: 18446744073709551619'),
  badLength('Content-Length: 3, 4', 'Content-Length: 3, 4'),
  badLength('two different lengths', 'Content-Length: 3', 'Content-Length: 2'),
  answer('an answer with two equal lengths', ok([MARK, 'Content-Length: 3', 'Content-Length: 3'], 'abc'), [
    passed({}, { body: 'abc' }),
    badGateway(),
    cutBeforeHead,
  ]),
  answer(
    'an answer with Content-Length and chunked',
    ok([MARK, 'Content-Length: 3', 'Transfer-Encoding: chunked'], '3\r\nabc\r\n0\r\n\r\n'),
    [body('abc'), badGateway(), cutBeforeHead],
  ),
  answer(
    'an answer shorter than its length',
    closing(ok([MARK, 'Content-Length: 5'], 'abc')),
    [cut(), badGateway(), cutBeforeHead],
    '9112 8',
  ),
  answer(
    'a reset in the middle of an answer',
    { send: [ok([MARK, 'Content-Length: 5'], 'abc'), 20], then: 'reset' },
    [cut(), badGateway(), cutBeforeHead],
    '9112 8',
  ),
  answer(
    'a tool that falls silent in the middle of an answer',
    ok([MARK, 'Content-Length: 5'], 'abc'),
    [cut(), badGateway(502, 504), cutBeforeHead],
    '9112 8',
  ),
]

const CODINGS: readonly Case[] = [
  answer('a chunked answer', ok([MARK, 'Transfer-Encoding: chunked'], '3\r\nabc\r\n0\r\n\r\n'), [
    body('abc'),
  ]),
  answer('an answer that is CHUNKED', ok([MARK, 'Transfer-Encoding: CHUNKED'], '3\r\nabc\r\n0\r\n\r\n'), [
    body('abc'),
  ]),
  answer('a chunked answer of no chunk', ok([MARK, 'Transfer-Encoding: chunked'], '0\r\n\r\n'), [body('')]),
  answer(
    'an answer with chunk extensions',
    ok([MARK, 'Transfer-Encoding: chunked'], '3;a="b"\r\nabc\r\n0;c\r\n\r\n'),
    [body('abc')],
  ),
  answer(
    'an answer with gzip, chunked',
    ok([MARK, 'Transfer-Encoding: gzip, chunked'], '3\r\nabc\r\n0\r\n\r\n'),
    [badGateway(), cutBeforeHead],
    '9112 6.1',
  ),
  answer(
    'an answer with chunked, chunked',
    ok([MARK, 'Transfer-Encoding: chunked, chunked'], '3\r\nabc\r\n0\r\n\r\n'),
    [badGateway(), cutBeforeHead],
    '9112 6.1',
  ),
  answer(
    'an answer with Transfer-Encoding: identity and a length',
    ok([MARK, 'Transfer-Encoding: identity', 'Content-Length: 3'], 'abc'),
    [badGateway(), cutBeforeHead],
    '9112 6.3',
  ),
  answer(
    'an answer of HTTP/1.0 that is chunked',
    closing(ok([MARK, 'Transfer-Encoding: chunked'], '3\r\nabc\r\n0\r\n\r\n').replace('1.1', '1.0')),
    [body('abc'), badGateway(), cutBeforeHead],
    '9112 6.1',
  ),
  ...[
    ['size g', 'g\r\nabc\r\n0\r\n\r\n'],
    ['size -3', '-3\r\nabc\r\n0\r\n\r\n'],
    ['size 0x3', '0x3\r\nabc\r\n0\r\n\r\n'],
    ['size 2^64 + 3', '10000000000000003\r\nabc\r\n0\r\n\r\n'],
    ['no CRLF after the data', '3\r\nabc0\r\n\r\n'],
    ['more data than the size', '3\r\nabcdef\r\n0\r\n\r\n'],
    ['a bad trailer line', '3\r\nabc\r\n0\r\nX T: 1\r\n\r\n'],
  ].map(([name = '', bytes = '']) =>
    answer(
      `a chunked answer with ${name}`,
      ok([MARK, 'Transfer-Encoding: chunked'], bytes),
      [cut(), badGateway(), cutBeforeHead],
      '9112 7.1',
    ),
  ),
  ...[
    ['within a size', '3'],
    ['within the data', '3\r\nab'],
    ['before the last chunk', '3\r\nabc\r\n'],
    ['before the last CRLF', '3\r\nabc\r\n0\r\n'],
  ].map(([name = '', bytes = '']) =>
    answer(
      `a chunked answer that ends ${name}`,
      closing(ok([MARK, 'Transfer-Encoding: chunked'], bytes)),
      [cut(), badGateway(), cutBeforeHead],
      '9112 8',
    ),
  ),
  answer(
    'a trailer field of an answer',
    ok([MARK, 'Transfer-Encoding: chunked', 'Trailer: X-T'], '3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n'),
    [passed({}, { body: 'abc', trailers: ['x-t: 1'] }), passed({}, { body: 'abc', trailers: [] })],
    '9110 6.5',
  ),
  answer(
    'Content-Length and Set-Cookie in the trailers',
    ok([MARK, 'Transfer-Encoding: chunked'], '3\r\nabc\r\n0\r\nContent-Length: 9\r\nSet-Cookie: a\r\n\r\n'),
    [passed({}, { body: 'abc', lacks: ['content-length', 'set-cookie'] }), cut()],
    '9110 6.5.1',
  ),
  {
    ...answer(
      'a chunked answer for a caller of HTTP/1.0',
      ok([MARK, 'Transfer-Encoding: chunked', 'Trailer: X-T'], '3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n'),
      [passed({}, { body: 'abc', lacks: ['transfer-encoding'] })],
      '9112 6.1',
    ),
    send: ['GET $T/x HTTP/1.0\r\nHost: $H\r\n\r\n'],
  },
  {
    ...answer(
      'a chunked answer for a caller of HTTP/1.0 that keeps the connection',
      ok([MARK, 'Transfer-Encoding: chunked', 'Trailer: X-T'], '3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n'),
      [passed({}, { body: 'abc', lacks: ['transfer-encoding'] })],
      '9112 6.1',
    ),
    send: ['GET $T/x HTTP/1.0\r\nHost: $H\r\nConnection: keep-alive\r\n\r\n'],
  },
]

export const ANSWER_FRAMING: readonly Case[] = [...LENGTHS, ...CODINGS]
