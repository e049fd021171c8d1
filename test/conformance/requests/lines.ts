/**
 * The request line: targets, methods, versions, and the white space around its parts (RFC 9112, 2 and 3).
 */
import { dropped, head, passed, refused, refusedForGood } from '../case.ts'
import type { Allowed, Case } from '../case.ts'

const bad = [refused(400), dropped]
const badVersion = [refusedForGood(400, 426, 505), dropped]

function line(start: string): string {
  return head(start)
}

/** The tool must see the path exactly as written, unless the proxy refuses it. */
function target(name: string, path: string, ...more: readonly Allowed[]): Case {
  return {
    name: `the path ${name}`,
    rfc: '9110 7.7',
    level: 'MUST',
    send: [line(`GET $T${path} HTTP/1.1`)],
    allow: [passed({ line: `GET $T${path}` }), ...more],
  }
}

/** Targets with characters that the grammar does not allow. */
function badTarget(name: string, path: string): Case {
  return {
    name: `a target with ${name}`,
    rfc: '9112 3',
    level: 'SHOULD',
    send: [line(`GET ${path} HTTP/1.1`)],
    answers: 1,
    allow: bad,
  }
}

function method(name: string, text: string, ...allow: readonly Allowed[]): Case {
  return {
    name: `the method ${name}`,
    rfc: '9110 9.1',
    level: 'MUST',
    send: [line(`${text} $T/x HTTP/1.1`)],
    answers: 1,
    allow: allow.length > 0 ? allow : [passed(), refused(405, 501)],
  }
}

function version(name: string, text: string): Case {
  return {
    name: `version ${name}`,
    rfc: '9112 3',
    level: 'SHOULD',
    send: [line(`GET $T/x ${text}`)],
    answers: 1,
    allow: badVersion,
  }
}

const TARGETS: readonly Case[] = [
  target('with percent-encoded letters', '/%61%42'),
  target('with encodings in small letters', '/%c3%bc'),
  target('with an encoded slash', '/a%2fb', refused(400)),
  target('with encoded dots', '/%2e%2e/b', refused(400)),
  target('with dot segments', '/../b', refused(400)),
  target('with a dot segment at its end', '/b/.', refused(400)),
  target('with an encoded NUL', '/a%00b', refused(400)),
  target('with a percent sign alone', '/100%', refused(400)),
  target('with a percent sign and no hex', '/%zz', refused(400)),
  target('with two slashes', '//b', refused(400)),
  target('with parameters', '/b;v=1', refused(400)),
  target('with an empty query', '/b?'),
  target('with a query of many marks', '/b?a=/../;&b=?c'),
  target('with the marks that the grammar allows', "/-._~!$&'()*+,;=:@"),
  target('with braces and bars, which the grammar does not allow', '/{a}|^`', refused(400)),
  target('of 7,000 bytes', `/${'a'.repeat(7000)}`),
  target('with bytes beyond ASCII', '/m\xc3\xbc', refused(400)),
  badTarget('a fragment', '$T/x#y'),
  badTarget('a space', '$T/a b'),
  badTarget('a tab', '$T/a\tb'),
  badTarget('a control character', '$T/a\x01b'),
  badTarget('DEL', '$T/a\x7fb'),
  badTarget('a NUL', '$T/a\0b'),
  badTarget('a bare CR', '$T/a\rb'),
  badTarget('a backslash', '$T\\x'),
  badTarget('no slash before it', 'x$T/x'),
  badTarget('nothing in it', ''),
  {
    name: 'a target of 100,000 bytes',
    rfc: '9112 3',
    level: 'MUST',
    send: [line(`GET $T/${'a'.repeat(100_000)} HTTP/1.1`)],
    answers: 1,
    allow: [refused(414)],
  },
]

const METHODS: readonly Case[] = [
  ...['PUT', 'PATCH', 'DELETE', 'PROPFIND', 'QUERY', 'PURGE'].map((name) => method(name, name)),
  method('BREW, which is not registered', 'BREW', passed(), refused(400, 405, 501)),
  method('get is not GET', 'get', passed(), refused(400, 405, 501)),
  method('Post is not POST', 'Post', passed(), refused(400, 405, 501)),
  method('of every mark that a token may have', "!#$%&'*+-.^_`|~", passed(), refused(400, 405, 501)),
  method('with a parenthesis', 'GE(T', ...bad),
  method('with a slash', 'GET/', ...bad),
  method('with a colon', 'GET:', ...bad),
  method('with a NUL', 'GE\0T', ...bad),
  method('with a byte beyond ASCII', 'G\xc3\x8bT', ...bad),
  method('of no letters', '', ...bad),
  method('of 10,000 letters', 'A'.repeat(10_000), passed(), refused(400, 405, 414, 431, 501), dropped),
  method('TRACE', 'TRACE', passed(), refused(403, 405, 501)),
]

const VERSIONS: readonly Case[] = [
  {
    name: "HTTP/1.0 is passed on in the proxy's own version",
    rfc: '9110 2.5',
    level: 'MUST',
    send: ['GET $T/x HTTP/1.0\r\nHost: $H\r\n\r\n'],
    allow: [passed({ version: 'HTTP/1.1' })],
  },
  {
    name: 'version HTTP/1.2',
    rfc: '9110 2.5',
    level: 'SHOULD',
    send: [line('GET $T/x HTTP/1.2')],
    allow: [passed(), refused(400, 505)],
    why: 'HTTP/1.2 does not exist, so a request that names it is a mistake or a probe',
  },
  version('HTTP/2.0', 'HTTP/2.0'),
  version('HTTP/3.0', 'HTTP/3.0'),
  version('HTTP/0.9', 'HTTP/0.9'),
  version('missing', ''),
  version('http/1.1 in small letters', 'http/1.1'),
  version('HTTP/1', 'HTTP/1'),
  version('HTTP/1.', 'HTTP/1.'),
  version('HTTP/11', 'HTTP/11'),
  version('HTTP/1.10', 'HTTP/1.10'),
  version('HTTP/01.1', 'HTTP/01.1'),
  version('HTTP/1.1.1', 'HTTP/1.1.1'),
  version('HTTP/1,1', 'HTTP/1,1'),
  version('HTTP/-1.1', 'HTTP/-1.1'),
  version('HTTP /1.1', 'HTTP /1.1'),
  version('HTTPS/1.1', 'HTTPS/1.1'),
  version('RTSP/1.0', 'RTSP/1.0'),
  version('with a NUL', 'HTTP/1.1\0'),
  {
    name: 'a line without target and version',
    rfc: '9112 3',
    level: 'SHOULD',
    send: ['GET\r\nHost: $H\r\n\r\n'],
    allow: bad,
  },
  {
    name: 'the request of HTTP/0.9, and an empty line',
    rfc: '9112 3',
    level: 'SHOULD',
    send: ['GET $T/x\r\n\r\n'],
    answers: 1,
    allow: badVersion,
  },
  {
    name: 'the version of RTSP with a method of RTSP',
    rfc: '9112 3',
    level: 'SHOULD',
    send: [line('DESCRIBE $T/x RTSP/1.0')],
    answers: 1,
    allow: [refusedForGood(400, 501, 505), dropped],
  },
  {
    name: 'the version of Icecast with its method',
    rfc: '9112 3',
    level: 'SHOULD',
    send: [line('SOURCE $T/x ICE/1.0')],
    answers: 1,
    allow: [refusedForGood(400, 501, 505), dropped],
  },
  {
    name: 'the preface of HTTP/2',
    rfc: '9113 3.4',
    level: 'MUST',
    send: ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    answers: 1,
    allow: badVersion,
  },
  {
    name: 'a TLS handshake',
    rfc: '9112 2.2',
    level: 'SHOULD',
    send: ['\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03'.padEnd(120, '\x01')],
    answers: 1,
    allow: [refusedForGood(400), dropped],
  },
]

const AROUND: readonly Case[] = [
  ...[1, 2, 10].map((count): Case => ({
    name: `${count} empty line${count === 1 ? '' : 's'} before the request`,
    rfc: '9112 2.2',
    level: 'SHOULD',
    send: [`${'\r\n'.repeat(count)}${line('GET $T/x HTTP/1.1')}`],
    allow: count === 1 ? [passed()] : [passed(), refused(400), dropped],
  })),
  {
    name: 'a bare LF before the request',
    rfc: '9112 2.2',
    level: 'MUST',
    send: [`\n${line('GET $T/x HTTP/1.1')}`],
    allow: [passed(), refused(400), dropped],
  },
  {
    name: 'a bare CR before the request',
    rfc: '9112 2.2',
    level: 'MUST',
    send: [`\r${line('GET $T/x HTTP/1.1')}`],
    answers: 1,
    allow: [refused(400), dropped],
  },
  {
    name: 'a space before the method',
    rfc: '9112 3',
    level: 'SHOULD',
    send: [` ${line('GET $T/x HTTP/1.1')}`],
    answers: 1,
    allow: bad,
  },
  {
    name: 'two spaces after the method',
    rfc: '9112 3',
    level: 'MUST',
    send: [line('GET  $T/x HTTP/1.1')],
    answers: 1,
    allow: [passed({ line: 'GET $T/x' }), ...bad],
  },
  {
    name: 'tabs between the parts',
    rfc: '9112 3',
    level: 'MUST',
    send: [line('GET\t$T/x\tHTTP/1.1')],
    answers: 1,
    allow: [passed({ line: 'GET $T/x' }), ...bad],
  },
  {
    name: 'a space after the version',
    rfc: '9112 3',
    level: 'MUST',
    send: [line('GET $T/x HTTP/1.1 ')],
    answers: 1,
    allow: [passed(), ...bad],
  },
  {
    name: 'lines that all end with a bare LF',
    rfc: '9112 2.2',
    level: 'MUST',
    send: ['GET $T/x HTTP/1.1\nHost: $H\nX-A: 1\n\n'],
    answers: 1,
    allow: [passed({ line: 'GET $T/x', fields: ['x-a: 1'] }), ...bad],
  },
  {
    name: 'a request line that ends with a bare CR',
    rfc: '9112 2.2',
    level: 'MUST',
    send: ['GET $T/x HTTP/1.1\rHost: $H\r\n\r\n'],
    answers: 1,
    allow: bad,
  },
  {
    name: 'a request line that ends with CR CR LF',
    rfc: '9112 2.2',
    level: 'MUST',
    send: ['GET $T/x HTTP/1.1\r\r\nHost: $H\r\n\r\n'],
    answers: 1,
    allow: bad,
  },
]

export const LINES: readonly Case[] = [...TARGETS, ...METHODS, ...VERSIONS, ...AROUND]
