/**
 * Fields that concern one connection or one hop: Connection and the fields that it names, TE, Via and Max-Forwards. Also the
 * lifetime of the caller's connection (RFC 9110, 7.6 and 10.1; RFC 9112, 9).
 */
import { get, head, passed, post, refused } from '../case.ts'
import type { Allowed, Case, Seen } from '../case.ts'

function named(name: string, lines: readonly string[], seen: Seen, ...more: readonly Allowed[]): Case {
  return {
    name,
    rfc: '9110 7.6.1',
    level: 'MUST',
    send: [get(...lines)],
    allow: [passed({ fields: [], ...seen }), ...more],
  }
}

/** Hop-by-hop fields, which a proxy removes even if Connection does not name them. */
function hop(line: string, level: Case['level'] = 'SHOULD'): Case {
  const name = (line.split(':')[0] ?? '').toLowerCase()
  return {
    name: `${line} without Connection`,
    rfc: '9110 7.6.1',
    level,
    send: [get(line)],
    allow: [passed({ fields: [], lacks: [name] })],
  }
}

/** Connection must not name an end-to-end field (RFC 9110, 7.6.1), so refusing such a request is allowed. */
const abuse = refused(400)

const NAMED: readonly Case[] = [
  named('a field that Connection names', ['Connection: X-A', 'X-A: 1'], { lacks: ['x-a'] }),
  named('a field named in another case', ['Connection: x-a', 'X-A: 1'], { lacks: ['x-a'] }),
  named('a field before the Connection that names it', ['X-A: 1', 'Connection: X-A'], { lacks: ['x-a'] }),
  named('several named fields', ['Connection: X-A, X-B,X-C', 'X-A: 1', 'X-B: 2', 'X-C: 3'], {}),
  named('two lines of Connection', ['Connection: X-A', 'Connection: X-B', 'X-A: 1', 'X-B: 2'], {}),
  named('empty elements in Connection', ['Connection: ,, X-A ,', 'X-A: 1'], {}),
  named('keep-alive beside a named field', ['Connection: keep-alive, X-A', 'X-A: 1'], {
    lacks: ['keep-alive'],
  }),
  named('a named field in two lines', ['Connection: X-A', 'X-A: 1', 'X-A: 2'], {}),
  named('a tab around the named field', ['Connection:\tX-A\t,\tclose', 'X-A: 1'], {}),
  named('Connection names an absent field', ['Connection: X-Z', 'X-A: 1'], { fields: ['x-a: 1'] }),
  named('an empty Connection', ['Connection:', 'X-A: 1'], { fields: ['x-a: 1'] }),
  named('Connection names itself', ['Connection: Connection', 'X-A: 1'], { fields: ['x-a: 1'] }),
  named('Connection names Authorization', ['Connection: Authorization', 'Authorization: a'], {}, abuse),
  named('Connection names Cookie', ['Connection: cookie', 'Cookie: a=1'], {}, abuse),
  named('Connection names Host', ['Connection: host'], { has: [/^host: \S/] }, abuse),
  named(
    'Connection names X-Forwarded-For',
    ['Connection: X-Forwarded-For'],
    { has: [/^x-forwarded-for: .*127\.0\.0\.1$/] },
    abuse,
  ),
  named(
    'Connection names a present X-Forwarded-For',
    ['Connection: X-Forwarded-For', 'X-Forwarded-For: 10.0.0.1'],
    {
      has: [/^x-forwarded-for: .*127\.0\.0\.1$/],
    },
    abuse,
  ),
  named('Connection names Via', ['Connection: via', 'Via: 1.1 one'], { has: [/^via: 1\.1 \S+$/] }, abuse),
  {
    name: 'Connection names Content-Length',
    rfc: '9110 7.6.1',
    level: 'MUST',
    send: [post(['Connection: Content-Length', 'Content-Length: 3'], 'abc')],
    allow: [passed({ body: 'abc' }), abuse],
  },
  {
    name: 'Connection names Transfer-Encoding',
    rfc: '9110 7.6.1',
    level: 'MUST',
    send: [post(['Connection: Transfer-Encoding', 'Transfer-Encoding: chunked'], '3\r\nabc\r\n0\r\n\r\n')],
    allow: [passed({ body: 'abc' }), abuse],
  },
  {
    name: 'Connection names Content-Type',
    rfc: '9110 7.6.1',
    level: 'MUST',
    send: [post(['Connection: content-type', 'Content-Type: a/b', 'Content-Length: 3'], 'abc')],
    allow: [passed({ body: 'abc', fields: [] }), abuse],
  },
  {
    name: 'Connection itself is not passed on',
    rfc: '9110 7.6.1',
    level: 'MUST',
    send: [get('Connection: X-A, keep-alive')],
    allow: [passed({ fields: [] }), passed({ fields: [], has: [/^connection: (?:keep-alive|close)$/] })],
  },
  hop('Keep-Alive: timeout=5'),
  hop('Proxy-Connection: keep-alive'),
  hop('TE: trailers'),
  hop('TE: gzip'),
  hop('Upgrade: websocket'),
  hop('HTTP2-Settings: AAMAAABkAAQAAP__', 'SHOULD'),
  named('TE that Connection names', ['Connection: TE', 'TE: trailers, deflate;q=0.5'], { lacks: ['te'] }),
  named('Keep-Alive that Connection names', ['Connection: keep-alive', 'Keep-Alive: timeout=5'], {
    lacks: ['keep-alive'],
  }),
]

const LASTS: readonly Case[] = [
  {
    name: 'a connection lasts',
    rfc: '9112 9.3',
    level: 'SHOULD',
    send: [get()],
    allow: [{ ...passed(), end: 'goes on' }],
  },
  {
    name: 'Connection: close',
    rfc: '9112 9.6',
    level: 'MUST',
    send: [get('Connection: close')],
    allow: [{ ...passed({}, { has: [/^connection: close$/i] }), end: 'closes' }],
  },
  {
    name: 'Connection: CLOSE in a list',
    rfc: '9112 9.6',
    level: 'MUST',
    send: [get('Connection: X-A, CLOSE')],
    allow: [{ ...passed(), end: 'closes' }],
  },
  {
    name: 'close in the second line of Connection',
    rfc: '9112 9.6',
    level: 'MUST',
    send: [get('Connection: keep-alive', 'Connection: close')],
    allow: [{ ...passed(), end: 'closes' }],
  },
  {
    name: 'HTTP/1.0 closes',
    rfc: '9112 9.3',
    level: 'MUST',
    send: ['GET $T/x HTTP/1.0\r\nHost: $H\r\n\r\n'],
    allow: [{ ...passed(), end: 'closes' }],
  },
  {
    name: 'HTTP/1.0 with keep-alive',
    rfc: '9112 9.3',
    level: 'MUST',
    send: ['GET $T/x HTTP/1.0\r\nHost: $H\r\nConnection: keep-alive\r\n\r\n'],
    allow: [passed()],
  },
  {
    name: 'HTTP/1.0 with keep-alive and close',
    rfc: '9112 9.3',
    level: 'MUST',
    send: ['GET $T/x HTTP/1.0\r\nHost: $H\r\nConnection: keep-alive, close\r\n\r\n'],
    allow: [{ ...passed(), end: 'closes' }],
  },
  {
    name: 'HTTP/1.0 with Proxy-Connection: keep-alive',
    rfc: '9112 C.2.2',
    level: 'SHOULD',
    send: ['GET $T/x HTTP/1.0\r\nHost: $H\r\nProxy-Connection: keep-alive\r\n\r\n'],
    allow: [passed({ lacks: ['proxy-connection'] })],
  },
  {
    name: 'POST of HTTP/1.0 with keep-alive',
    rfc: '9112 9.3',
    level: 'MUST',
    send: ['POST $T/x HTTP/1.0\r\nHost: $H\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc'],
    allow: [passed({ body: 'abc' })],
  },
]

const FORWARDS: readonly Case[] = [
  {
    name: 'Via is added',
    rfc: '9110 7.6.3',
    level: 'MUST',
    send: [get()],
    allow: [passed({ has: [/^via: 1\.1 \S+$/] })],
  },
  {
    name: 'Via names the version of the caller',
    rfc: '9110 7.6.3',
    level: 'MUST',
    send: ['GET $T/x HTTP/1.0\r\nHost: $H\r\n\r\n'],
    allow: [passed({ has: [/^via: 1\.0 \S+$/] })],
  },
  {
    name: 'Via keeps the entries of earlier proxies',
    rfc: '9110 7.6.3',
    level: 'MUST',
    send: [get('Via: 1.0 one, 1.1 two (x)', 'Via: 1.1 three')],
    allow: [passed({ has: [/^via: 1\.0 one, 1\.1 two \(x\), 1\.1 three, 1\.1 \S+$/] })],
  },
  {
    name: "Via with the proxy's own name, as of a loop",
    rfc: '9110 7.6.3',
    level: 'MUST',
    send: [get('Via: 1.1 spillway, 1.1 spillway')],
    allow: [passed({ has: [/^via: 1\.1 spillway, 1\.1 spillway, 1\.1 \S+$/] }), refused(400, 502, 508)],
    why: 'several sidecars in a row have the same name, so this is no sure sign of a loop',
  },
  {
    name: 'OPTIONS with Max-Forwards: 0 and a body ends here',
    rfc: '9110 7.6.2',
    level: 'MUST',
    send: [`${head('OPTIONS $T/x HTTP/1.1', 'Max-Forwards: 0', 'Content-Length: 3')}abc`],
    allow: [refused(200, 204, 400, 405, 501)],
  },
  {
    name: 'OPTIONS with Max-Forwards: 0 ends here',
    rfc: '9110 7.6.2',
    level: 'MUST',
    send: [head('OPTIONS $T/x HTTP/1.1', 'Max-Forwards: 0')],
    allow: [refused(200, 204, 405, 501)],
  },
  {
    name: 'OPTIONS with Max-Forwards: 5 goes on with 4',
    rfc: '9110 7.6.2',
    level: 'MUST',
    send: [head('OPTIONS $T/x HTTP/1.1', 'Max-Forwards: 5')],
    allow: [passed({ has: ['max-forwards: 4'] })],
  },
  {
    name: 'OPTIONS without Max-Forwards gets none',
    rfc: '9110 7.6.2',
    level: 'MUST',
    send: [head('OPTIONS $T/x HTTP/1.1')],
    allow: [passed({ lacks: ['max-forwards'] })],
  },
  {
    name: 'OPTIONS with a Max-Forwards that is no number',
    rfc: '9110 7.6.2',
    level: 'MUST',
    send: [head('OPTIONS $T/x HTTP/1.1', 'Max-Forwards: -1')],
    allow: [passed(), refused(400)],
  },
  {
    name: 'TRACE with Max-Forwards: 0 ends here',
    rfc: '9110 7.6.2',
    level: 'MUST',
    send: [head('TRACE $T/x HTTP/1.1', 'Max-Forwards: 0')],
    allow: [refused(200, 403, 405, 501)],
  },
  {
    name: 'TRACE with Max-Forwards: 3 goes on with 2',
    rfc: '9110 7.6.2',
    level: 'MUST',
    send: [head('TRACE $T/x HTTP/1.1', 'Max-Forwards: 3')],
    allow: [passed({ has: ['max-forwards: 2'] }), refused(403, 405, 501)],
  },
  {
    name: 'GET with Max-Forwards: 0',
    rfc: '9110 7.6.2',
    level: 'MUST',
    send: [get('Max-Forwards: 0')],
    allow: [passed()],
  },
]

export const CONNECTION: readonly Case[] = [...NAMED, ...LASTS, ...FORWARDS]
