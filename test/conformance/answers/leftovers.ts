/**
 * Answers without a body, and bytes after an answer (RFC 9112, 6.3). Bytes that do not belong to the answer must not reach
 * its caller, and must never reach another caller.
 */
import { AWAIT_ANSWER, badGateway, cutBeforeHead, get, head, ok, passed } from '../case.ts'
import type { Allowed, Answer, Case } from '../case.ts'

const MARK = 'X-For: x'
/** An answer to no request. */
const EVIL = 'HTTP/1.1 200 OK\r\nX-For: evil\r\nContent-Length: 4\r\n\r\nevil'
const GET = [get()]
const HEAD = [head('HEAD $T/x HTTP/1.1')]

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

const BODILESS: readonly Case[] = [
  {
    ...answer(
      'an answer to HEAD with a length',
      ok([MARK, 'Content-Length: 3'], ''),
      [passed({}, { has: ['content-length: 3'] }), passed()],
      '9110 9.3.2',
    ),
    send: HEAD,
  },
  {
    ...answer(
      'an answer to HEAD that is chunked',
      ok([MARK, 'Transfer-Encoding: chunked'], ''),
      [passed()],
      '9110 9.3.2',
    ),
    send: HEAD,
  },
  {
    ...answer(
      'an answer to HEAD with a body',
      ok([MARK, 'Content-Length: 3'], 'abc'),
      [passed(), badGateway(), cutBeforeHead],
      '9110 9.3.2',
    ),
    send: HEAD,
  },
  {
    ...answer(
      'an answer to HEAD with another whole answer as its body',
      ok([MARK, 'Content-Length: 70'], EVIL),
      [passed(), badGateway(), cutBeforeHead],
      '9110 9.3.2',
    ),
    send: HEAD,
  },
  answer(
    '204',
    'HTTP/1.1 204 No Content\r\nX-For: x\r\n\r\n',
    [passed({}, { statuses: [204], lacks: ['content-length', 'transfer-encoding'] })],
    '9110 8.6',
  ),
  answer(
    '204 with Content-Length: 0',
    'HTTP/1.1 204 No Content\r\nX-For: x\r\nContent-Length: 0\r\n\r\n',
    [passed({}, { statuses: [204], lacks: ['content-length'] }), badGateway()],
    '9110 8.6',
  ),
  answer(
    '204 with a length and a body',
    `HTTP/1.1 204 No Content\r\nX-For: x\r\nContent-Length: 3\r\n\r\nabc`,
    [passed({}, { statuses: [204], lacks: ['content-length'] }), badGateway()],
    '9110 8.6',
  ),
  answer(
    '204 that is chunked',
    'HTTP/1.1 204 No Content\r\nX-For: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
    [passed({}, { statuses: [204], lacks: ['transfer-encoding'] }), badGateway()],
    '9112 6.1',
  ),
  answer(
    '204 with another whole answer after it',
    `HTTP/1.1 204 No Content\r\nX-For: x\r\n\r\n${EVIL}`,
    [passed({}, { statuses: [204] }), badGateway()],
    '9112 6.3',
  ),
  answer(
    '304 with a length',
    'HTTP/1.1 304 Not Modified\r\nX-For: x\r\nContent-Length: 3\r\n\r\n',
    [passed({}, { statuses: [304] })],
    '9112 6.3',
  ),
  answer(
    '304 with a body',
    'HTTP/1.1 304 Not Modified\r\nX-For: x\r\nContent-Length: 3\r\n\r\nabc',
    [passed({}, { statuses: [304] }), badGateway()],
    '9112 6.3',
  ),
  answer(
    '205 with Content-Length: 0',
    'HTTP/1.1 205 Reset Content\r\nX-For: x\r\nContent-Length: 0\r\n\r\n',
    [passed({}, { statuses: [205] })],
    '9110 15.3.6',
  ),
]

/** The tool sends bytes after a complete answer. The probes after the case come when those bytes have arrived. */
function behind(name: string, sent: readonly (string | number)[], then: Answer['then'] = 'keep'): Case {
  return {
    name,
    rfc: '9112 6.3',
    level: 'MUST',
    send: [get(), AWAIT_ANSWER, 80],
    answers: 1,
    answer: { send: sent, then },
    allow: [passed(), badGateway(), cutBeforeHead],
  }
}

const LEFTOVERS: readonly Case[] = [
  behind('a second answer in the same piece', [ok([MARK, 'Content-Length: 3'], 'abc') + EVIL]),
  behind('a second answer a moment later', [ok([MARK, 'Content-Length: 3'], 'abc'), 20, EVIL]),
  behind('ten more answers', [ok([MARK, 'Content-Length: 3'], 'abc') + EVIL.repeat(10)]),
  behind('a second answer after a chunked one', [
    ok([MARK, 'Transfer-Encoding: chunked'], '3\r\nabc\r\n0\r\n\r\n') + EVIL,
  ]),
  behind('half a second answer', [ok([MARK, 'Content-Length: 3'], 'abc') + EVIL.slice(0, 20)]),
  behind('an interim answer after the answer', [
    ok([MARK, 'Content-Length: 3'], 'abc'),
    10,
    'HTTP/1.1 100 Continue\r\n\r\n',
  ]),
  behind('bytes that are not HTTP after the answer', [`${ok([MARK, 'Content-Length: 3'], 'abc')}more`]),
  behind('an empty line after the answer', [`${ok([MARK, 'Content-Length: 3'], 'abc')}\r\n`]),
  behind('the end a moment after the answer', [ok([MARK, 'Content-Length: 3'], 'abc'), 5], 'close'),
  behind('a reset a moment after the answer', [ok([MARK, 'Content-Length: 3'], 'abc'), 5], 'reset'),
  behind(
    'keep-alive, but the connection ends with the answer',
    [ok([MARK, 'Connection: keep-alive', 'Content-Length: 3'], 'abc')],
    'close',
  ),
  behind('Connection: close, but the connection stays open', [
    ok([MARK, 'Connection: close', 'Content-Length: 3'], 'abc'),
    20,
    EVIL,
  ]),
]

export const ANSWER_LEFTOVERS: readonly Case[] = [...BODILESS, ...LEFTOVERS]
