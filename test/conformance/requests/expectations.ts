/**
 * Expect and Upgrade (RFC 9110, 10.1.1 and 7.8), alone and pipelined after a request that still runs.
 */
import { AWAIT_INTERIM, END, get, head, many, passed, post, refused } from '../case.ts'
import type { Case } from '../case.ts'

const EXPECT = ['Expect: 100-continue', 'Content-Length: 3']
const whole = passed({ body: 'abc' })
const WEBSOCKET = [
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
]
/** The answer that RFC 6455 prescribes for the key above. */
const ACCEPT = 'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo='
const WEBSOCKET_FIELDS = ['sec-websocket-version: 13', 'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==']

const EXPECTS: readonly Case[] = [
  {
    name: 'Expect: 100-continue, the body comes after 100',
    rfc: '9110 10.1.1',
    level: 'MUST',
    send: [post(EXPECT, ''), AWAIT_INTERIM, 'abc'],
    allow: [passed({ body: 'abc' }, { interims: [100] })],
  },
  {
    name: 'Expect: 100-continue, the body comes at once',
    rfc: '9110 10.1.1',
    level: 'MUST',
    send: [post(EXPECT, 'abc')],
    allow: [whole],
  },
  {
    name: 'Expect: 100-CONTINUE',
    rfc: '9110 10.1.1',
    level: 'MUST',
    send: [post(['Expect: 100-CONTINUE', 'Content-Length: 3'], ''), AWAIT_INTERIM, 'abc'],
    allow: [passed({ body: 'abc' }, { interims: [100] })],
  },
  {
    name: 'Expect: 100-continue with chunks',
    rfc: '9110 10.1.1',
    level: 'MUST',
    send: [
      post(['Expect: 100-continue', 'Transfer-Encoding: chunked'], ''),
      AWAIT_INTERIM,
      '3\r\nabc\r\n0\r\n\r\n',
    ],
    allow: [passed({ body: 'abc' }, { interims: [100] })],
  },
  {
    name: 'Expect: 100-continue without a body',
    rfc: '9110 10.1.1',
    level: 'MUST',
    send: [get('Expect: 100-continue')],
    allow: [passed()],
  },
  {
    name: 'Expect: 100-continue in HTTP/1.0',
    rfc: '9110 10.1.1',
    level: 'MUST',
    send: [post(EXPECT, 'abc').replace('1.1', '1.0')],
    allow: [passed({ body: 'abc' }, { interims: [] })],
  },
  {
    name: 'an unknown expectation',
    rfc: '9110 10.1.1',
    level: 'MUST',
    send: [get('Expect: tea')],
    allow: [passed(), refused(400, 417)],
  },
  {
    name: '100-continue and an unknown expectation',
    rfc: '9110 10.1.1',
    level: 'MUST',
    send: [post(['Expect: 100-continue, tea', 'Content-Length: 3'], 'abc')],
    answers: 1,
    allow: [whole, refused(400, 417)],
  },
  {
    name: 'Expect: 100-continue with a body over the limit',
    rfc: '9110 10.1.1',
    level: 'SHOULD',
    send: [post(['Expect: 100-continue', 'Content-Length: 99999999'], ''), AWAIT_INTERIM, END],
    answers: 1,
    allow: [refused(413), { got: [], seen: [{ isCut: true }] }],
  },
  {
    name: 'an unknown expectation after a request that still runs',
    rfc: '9110 10.1.1',
    level: 'MUST',
    send: [head('GET $T/1 HTTP/1.1') + head('GET $T/2 HTTP/1.1', 'Expect: tea')],
    answer: { send: [80, 'HTTP/1.1 200 OK\r\nX-For: 1\r\nContent-Length: 0\r\n\r\n'] },
    allow: [
      many([{ line: 'GET $T/1' }, { line: 'GET $T/2', fields: [] }]),
      {
        got: [
          { by: 'tool', statuses: [200] },
          { by: 'proxy', statuses: [400, 417] },
        ],
        seen: [{ line: 'GET $T/1' }],
      },
    ],
  },
]

const UPGRADES: readonly Case[] = [
  {
    name: 'Upgrade: websocket, and the tool switches',
    rfc: '9110 7.8',
    level: 'MUST',
    send: [get('Connection: Upgrade', ...WEBSOCKET)],
    answer: {
      needs: 'upgrade',
      send: [
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${ACCEPT}\r\nX-For: ws\r\n\r\n`,
      ],
      then: 'close',
    },
    allow: [passed({ fields: WEBSOCKET_FIELDS }, { statuses: [101, 200] })],
    why: 'a proxy may ignore Upgrade, and then the tool answers 200',
  },
  {
    name: 'Upgrade: websocket, and the tool does not switch',
    rfc: '9110 7.8',
    level: 'MUST',
    send: [get('Connection: Upgrade', ...WEBSOCKET)],
    allow: [passed({ fields: WEBSOCKET_FIELDS })],
  },
  {
    name: 'Upgrade without Connection',
    rfc: '9110 7.8',
    level: 'MUST',
    send: [get(...WEBSOCKET)],
    allow: [passed({ fields: WEBSOCKET_FIELDS, lacks: ['upgrade'] })],
  },
  {
    name: 'Upgrade in HTTP/1.0',
    rfc: '9110 7.8',
    level: 'MUST',
    send: [get('Connection: Upgrade', ...WEBSOCKET).replace('1.1', '1.0')],
    allow: [passed({ fields: WEBSOCKET_FIELDS, lacks: ['upgrade'] }), refused(400)],
  },
  {
    name: 'Upgrade: h2c',
    rfc: '9110 7.8',
    level: 'MUST',
    send: [get('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__')],
    allow: [passed({ fields: [], lacks: ['http2-settings'] })],
  },
  {
    name: 'Upgrade to an unknown protocol',
    rfc: '9110 7.8',
    level: 'MUST',
    send: [get('Connection: Upgrade', 'Upgrade: tea/1.0')],
    allow: [passed({ fields: [] })],
  },
  {
    name: 'several protocols in Upgrade',
    rfc: '9110 7.8',
    level: 'MUST',
    send: [get('Connection: Upgrade', 'Upgrade: h2c, tea')],
    allow: [passed({ fields: [] })],
  },
  {
    name: 'POST with a body and Upgrade',
    rfc: '9110 7.8',
    level: 'MUST',
    send: [post(['Connection: Upgrade', 'Upgrade: tea', 'Content-Length: 3'], 'abc')],
    allow: [passed({ fields: [], body: 'abc' }), refused(400)],
  },
  {
    name: 'GET with a body and Upgrade',
    rfc: '9110 7.8',
    level: 'MUST',
    send: [`${get('Connection: Upgrade', 'Upgrade: tea', 'Content-Length: 3')}abc`],
    answers: 1,
    allow: [passed({ fields: [], body: 'abc' }), refused(400)],
  },
  {
    name: 'Upgrade after a request that still runs',
    rfc: '9112 9.3.2',
    level: 'MUST',
    send: [head('GET $T/1 HTTP/1.1') + head('GET $T/2 HTTP/1.1', 'Connection: Upgrade', 'Upgrade: tea')],
    answer: { send: [80, 'HTTP/1.1 200 OK\r\nX-For: 1\r\nContent-Length: 0\r\n\r\n'] },
    allow: [
      many([{ line: 'GET $T/1' }, { line: 'GET $T/2', fields: [] }]),
      { got: [{ by: 'tool', statuses: [200] }], seen: [{ line: 'GET $T/1' }], end: 'closes' },
      {
        got: [
          { by: 'tool', statuses: [200] },
          { by: 'proxy', statuses: [400] },
        ],
        seen: [{ line: 'GET $T/1' }],
      },
    ],
  },
]

export const EXPECTATIONS: readonly Case[] = [...EXPECTS, ...UPGRADES]
