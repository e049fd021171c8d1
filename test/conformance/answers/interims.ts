/**
 * Interim answers (RFC 9110, 15.2), and final answers before the request is complete (RFC 9112, 9.5).
 */
import { AWAIT_ANSWER, AWAIT_INTERIM, get, head, passed, post } from '../case.ts'
import type { Allowed, Answer, Case, Got, Step } from '../case.ts'
import { answer, LENGTH, MARK, never, PLAIN } from './answer.ts'
import type { Parts } from './answer.ts'

const got = (what: Partial<Got>): Allowed => passed({}, { body: 'abc', ...what })
const whole = got({})

const OLD = ['GET $T/x HTTP/1.0\r\nHost: $H\r\n\r\n']

function interim(
  name: string,
  statuses: readonly number[],
  allow: readonly Allowed[],
  parts: Parts = {},
): Case {
  const before = statuses.map((status) => `HTTP/1.1 ${status} Wait\r\nX-I: ${status}\r\n\r\n`).join('')
  return answer(name, before + PLAIN, allow, { rfc: '9110 15.2', ...parts })
}

const INTERIMS: readonly Case[] = [
  interim('an unrequested 100', [100], [got({ interims: [] }), got({ interims: [100] })]),
  interim('102', [102], [got({ interims: [102] })]),
  interim('103', [103], [got({ interims: [103] })]),
  interim('three of 103', [103, 103, 103], [got({ interims: [103, 103, 103] })]),
  interim(
    '100, 102 and 103',
    [100, 102, 103],
    [got({ interims: [102, 103] }), got({ interims: [100, 102, 103] })],
  ),
  interim('199, which is not registered', [199], [got({ interims: [199] }), got({ interims: [] })]),
  interim('100 for a caller of HTTP/1.0', [100], [got({ interims: [] })], { send: OLD }),
  interim('103 for a caller of HTTP/1.0', [103], [got({ interims: [] })], { send: OLD }),
  interim('100 to HEAD', [100], [passed({}, { body: '' })], { send: [head('HEAD $T/x HTTP/1.1')] }),
  answer('103 and then nothing', { send: ['HTTP/1.1 103 Wait\r\n\r\n', 5], then: 'close' }, never, {
    rfc: '9110 15.2',
  }),
  answer(
    '103 with a length',
    `HTTP/1.1 103 Wait\r\nContent-Length: 0\r\n\r\n${PLAIN}`,
    [got({ interims: [103] }), got({ interims: [] }), ...never],
    { rfc: '9110 8.6' },
  ),
  answer('2,000 of 103', 'HTTP/1.1 103 Wait\r\nX-I: 1\r\n\r\n'.repeat(2000) + PLAIN, [whole, ...never], {
    rfc: '9110 15.2',
    why: 'a proxy may limit the number of interim answers',
  }),
  answer(
    'an unrequested 101',
    `HTTP/1.1 101 Switching Protocols\r\n${MARK}\r\nConnection: Upgrade\r\nUpgrade: tea\r\n\r\n${PLAIN}`,
    never,
    { rfc: '9110 15.2.2' },
  ),
  answer('101 without Upgrade', `HTTP/1.1 101 Switching Protocols\r\n${MARK}\r\n\r\n${PLAIN}`, never, {
    rfc: '9110 15.2.2',
  }),
  answer(
    '101 to a protocol other than the requested one',
    {
      needs: 'upgrade',
      send: [`HTTP/1.1 101 Switching Protocols\r\n${MARK}\r\nConnection: Upgrade\r\nUpgrade: tea\r\n\r\n`],
      then: 'close',
    },
    [...never, passed({}, { statuses: [200] })],
    {
      rfc: '9110 15.2.2',
      send: [get('Connection: Upgrade', 'Upgrade: coffee')],
      why: 'the tool answers a plain 200 to a proxy that does not forward Upgrade',
    },
  ),
]

const WAITING: readonly Step[] = [post(['Content-Length: 5'], 'ab'), AWAIT_ANSWER, 'cde']

function early(name: string, sent: string, then: Answer['then'], send: readonly Step[]): Case {
  const cutOff: Allowed = { got: [{ by: 'tool', statuses: [200, 401, 413] }], seen: [{ isCut: true }] }
  return {
    name,
    rfc: '9112 9.5',
    level: 'MUST',
    send,
    answers: 1,
    answer: { at: 'head', send: [sent, 20], then: then ?? 'keep' },
    allow: [cutOff, ...lost],
  }
}

const lost: readonly Allowed[] = [
  { got: [{ by: 'proxy', statuses: [502] }], seen: [{ isCut: true }] },
  { got: [], seen: [{ isCut: true }], end: 'closes' },
]
const REFUSAL = `HTTP/1.1 413 Too Large\r\n${MARK}\r\n${LENGTH}\r\n\r\nabc`
const REFUSAL_CLOSE = REFUSAL.replace(LENGTH, `${LENGTH}\r\nConnection: close`)

const EARLY: readonly Case[] = [
  early('an answer before the body has arrived', PLAIN, 'keep', WAITING),
  early('a refusal before the body has arrived', REFUSAL, 'keep', WAITING),
  early('a refusal and the end before the body has arrived', REFUSAL_CLOSE, 'close', WAITING),
  early('a refusal and a reset before the body has arrived', REFUSAL_CLOSE, 'reset', WAITING),
  early('a refusal in place of 100', REFUSAL, 'keep', [
    post(['Expect: 100-continue', 'Content-Length: 5'], ''),
    AWAIT_INTERIM,
    'abcde',
  ]),
  early('a refusal while chunks still arrive', REFUSAL, 'keep', [
    post(['Transfer-Encoding: chunked'], '2\r\nab\r\n'),
    AWAIT_ANSWER,
    '0\r\n\r\n',
  ]),
  early('a refusal while 60,000 bytes are in transit', REFUSAL_CLOSE, 'close', [
    post(['Content-Length: 60000'], 'a'.repeat(60_000)),
  ]),
]

export const ANSWER_INTERIMS: readonly Case[] = [...INTERIMS, ...EARLY]
