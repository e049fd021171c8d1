/**
 * Transfer-Encoding in requests: spellings that mean chunked, and values that leave the end of the request undefined
 * (RFC 9112, 6.1 and 11.2).
 */
import { passed, post, refusedForGood } from '../case.ts'
import type { Allowed, Case } from '../case.ts'

const BODY = '3\r\nabc\r\n0\r\n\r\n'
const whole = passed({ body: 'abc' })
const wholeForGood: Allowed = { ...whole, end: 'closes' }
/** 501 is the status for unknown codings, 400 for faulty framing. */
const refusal = refusedForGood(400, 422, 501)

/** Lines that must be refused: they mean neither chunked nor no coding. */
function faulty(name: string, ...lines: readonly string[]): Case {
  return { name, rfc: '9112 6.1', level: 'MUST', send: [post(lines, BODY)], answers: 1, allow: [refusal] }
}

function plain(name: string, ...lines: readonly string[]): Case {
  return { name, rfc: '9112 7.1', level: 'MUST', send: [post(lines, BODY)], allow: [whole] }
}

export const CODINGS: readonly Case[] = [
  plain('a chunked body', 'Transfer-Encoding: chunked'),
  plain('Transfer-Encoding: CHUNKED', 'Transfer-Encoding: CHUNKED'),
  plain('TRANSFER-ENCODING: Chunked', 'TRANSFER-ENCODING: Chunked'),
  plain('chunked between white space', 'Transfer-Encoding: \t chunked  '),
  plain('chunked with a tab after it', 'Transfer-Encoding: chunked\t'),
  plain('chunked without a space before it', 'Transfer-Encoding:chunked'),
  faulty('Transfer-Encoding: identity', 'Transfer-Encoding: identity'),
  faulty('Transfer-Encoding: identity with a length', 'Transfer-Encoding: identity', 'Content-Length: 3'),
  faulty('Transfer-Encoding: chunked, identity', 'Transfer-Encoding: chunked, identity'),
  faulty('Transfer-Encoding: identity, chunked', 'Transfer-Encoding: identity, chunked'),
  faulty('Transfer-Encoding: gzip', 'Transfer-Encoding: gzip'),
  faulty('Transfer-Encoding: gzip, chunked', 'Transfer-Encoding: gzip, chunked'),
  faulty('Transfer-Encoding: chunked, gzip', 'Transfer-Encoding: chunked, gzip'),
  faulty('Transfer-Encoding: chunked, chunked', 'Transfer-Encoding: chunked, chunked'),
  faulty('two lines of chunked', 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'),
  faulty('chunked and an unknown coding (TE.TE)', 'Transfer-Encoding: chunked', 'Transfer-encoding: cow'),
  faulty('an unknown coding and chunked (TE.TE)', 'Transfer-Encoding: cow', 'Transfer-encoding: chunked'),
  faulty('chunked and identity in two lines', 'Transfer-Encoding: chunked', 'Transfer-Encoding: identity'),
  faulty('Transfer-Encoding: xchunked', 'Transfer-Encoding: xchunked'),
  faulty('Transfer-Encoding: chunkedx', 'Transfer-Encoding: chunkedx'),
  faulty('Transfer-Encoding: "chunked"', 'Transfer-Encoding: "chunked"'),
  faulty('Transfer-Encoding: chunked;q=1', 'Transfer-Encoding: chunked;q=1'),
  faulty('Transfer-Encoding: chunked chunked', 'Transfer-Encoding: chunked chunked'),
  faulty('Transfer-Encoding: \\x0bchunked', 'Transfer-Encoding: \x0bchunked'),
  faulty('Transfer-Encoding: chunked\\x0c', 'Transfer-Encoding: chunked\x0c'),
  faulty('Transfer-Encoding: chunked\\xa0', 'Transfer-Encoding: chunked\xa0'),
  faulty('Transfer-Encoding: chunked\\0', 'Transfer-Encoding: chunked\0'),
  faulty('Transfer-Encoding: chunKed with a dotless letter', 'Transfer-Encoding: chun\xc4\xb1ed'),
  faulty('Transfer-Encoding with a space before the colon', 'Transfer-Encoding : chunked'),
  faulty(
    'Transfer-Encoding with a tab before the colon',
    'Transfer-Encoding\t: chunked',
    'Content-Length: 3',
  ),
  faulty('a NUL in the name of Transfer-Encoding', 'Transfer-Encoding\0: chunked'),
  faulty('an empty Transfer-Encoding', 'Transfer-Encoding:'),
  faulty('an empty Transfer-Encoding with a length', 'Transfer-Encoding:', 'Content-Length: 3'),
  faulty('Transfer-Encoding: a comma alone', 'Transfer-Encoding: ,'),
  {
    name: 'Transfer-Encoding: chunked with an empty list element',
    rfc: '9110 5.6.1',
    level: 'MUST',
    send: [post(['Transfer-Encoding: , chunked'], BODY)],
    answers: 1,
    allow: [whole, refusal],
    why: 'empty elements must be ignored; refusing a request with hidden framing is as safe',
  },
  {
    name: 'chunked in a folded line',
    rfc: '9112 5.2',
    level: 'MUST',
    send: [post(['Transfer-Encoding:\r\n chunked'], BODY)],
    answers: 1,
    allow: [passed({ fields: [], body: 'abc' }), refusal],
  },
  {
    name: 'Transfer-Encoding after a bare LF',
    rfc: '9112 2.2',
    level: 'MUST',
    send: [post(['X-A: 1\nTransfer-Encoding: chunked'], BODY)],
    answers: 1,
    allow: [refusal, passed({ fields: ['x-a: 1'], body: 'abc' })],
  },
  {
    name: 'Transfer-Encoding after a bare CR',
    rfc: '9112 2.2',
    level: 'MUST',
    send: [post(['X-A: 1\rTransfer-Encoding: chunked', 'Content-Length: 3'], 'abc')],
    answers: 1,
    allow: [refusal, passed({ fields: ['x-a: 1 Transfer-Encoding: chunked'], body: 'abc' })],
  },
  {
    name: 'Transfer_Encoding is another field',
    rfc: '9110 5.1',
    level: 'MUST',
    send: [post(['Transfer_Encoding: chunked', 'Content-Length: 3'], 'abc')],
    allow: [passed({ fields: ['transfer_encoding: chunked'], body: 'abc' }), refusedForGood(400)],
  },
  {
    name: 'HTTP/1.0 with chunked',
    rfc: '9112 6.1',
    level: 'MUST',
    send: [
      post(['Transfer-Encoding: chunked', 'Connection: keep-alive'], BODY).replace('HTTP/1.1', 'HTTP/1.0'),
    ],
    answers: 1,
    allow: [refusal, wholeForGood],
  },
  {
    name: 'HTTP/1.0 with chunked and a length',
    rfc: '9112 6.1',
    level: 'MUST',
    send: [
      post(['Transfer-Encoding: chunked', 'Content-Length: 3', 'Connection: keep-alive'], BODY).replace(
        'HTTP/1.1',
        'HTTP/1.0',
      ),
    ],
    answers: 1,
    allow: [refusal, wholeForGood],
  },
]
