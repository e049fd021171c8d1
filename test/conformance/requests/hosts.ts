/**
 * Host, the forms of the target, and their precedence over Host (RFC 9112, 3.2; RFC 9110, 7.2).
 */
import { dropped, passed, refused } from '../case.ts'
import type { Allowed, Case } from '../case.ts'

/** Statuses with which proxies say that they have no route to a host. */
const NOT_HERE = [400, 403, 404, 421, 500, 502, 503]

function request(...lines: readonly string[]): string {
  return ['GET $T/x HTTP/1.1', ...lines, '', ''].join('\r\n')
}

function invalid(name: string, value: string): Case {
  return {
    name: `Host ${name}`,
    rfc: '9112 3.2',
    level: 'MUST',
    send: [request(`Host: ${value}`)],
    allow: [refused(400)],
  }
}

function valid(name: string, value: string, ...more: readonly Allowed[]): Case {
  return {
    name: `Host ${name}`,
    rfc: '9110 7.2',
    level: 'MUST',
    send: [request(`Host: ${value}`)],
    allow: [passed(), ...more],
  }
}

function absolute(name: string, target: string, allow: readonly Allowed[], host = '$H'): Case {
  return {
    name,
    rfc: '9112 3.2.2',
    level: 'MUST',
    send: [`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`],
    allow,
  }
}

export const HOSTS: readonly Case[] = [
  {
    name: 'no Host',
    rfc: '9112 3.2',
    level: 'MUST',
    send: [request('X-A: 1')],
    allow: [refused(400)],
  },
  {
    name: 'no Host in HTTP/1.0',
    rfc: '9112 3.2',
    level: 'MUST',
    send: ['GET $T/x HTTP/1.0\r\n\r\n'],
    allow: [passed()],
  },
  {
    name: 'two Hosts',
    rfc: '9112 3.2',
    level: 'MUST',
    send: [request('Host: $H', 'Host: other.test')],
    allow: [refused(400)],
  },
  {
    name: 'two equal Hosts',
    rfc: '9112 3.2',
    level: 'MUST',
    send: [request('Host: $H', 'X-A: 1', 'host: $H')],
    allow: [refused(400)],
  },
  {
    name: 'two Hosts in HTTP/1.0',
    rfc: '9112 3.2',
    level: 'MUST',
    send: [request('Host: $H', 'Host: other.test').replace('1.1', '1.0')],
    allow: [refused(400)],
  },
  {
    name: 'Host with a space before the colon',
    rfc: '9112 5.1',
    level: 'MUST',
    send: [request('Host : $H')],
    allow: [refused(400)],
  },
  {
    name: 'Host in a folded line',
    rfc: '9112 5.2',
    level: 'MUST',
    send: [request('Host:\r\n $H')],
    allow: [refused(400), passed({ fields: [] })],
  },
  {
    name: 'a second Host in a folded line',
    rfc: '9112 5.2',
    level: 'MUST',
    send: [request('X-A: 1', ' Host: other.test', 'Host: $H')],
    allow: [
      refused(400),
      passed({ fields: ['x-a: 1 Host: other.test'], has: ['host: $H'], isUnfolded: true }),
    ],
  },
  valid('with a port', '$H:8080'),
  valid('with an empty port', '$H:', refused(400)),
  valid('with a trailing dot', '$H.'),
  valid('in capitals', 'SOMEWHERE.TEST'),
  valid('with an underscore', 'some_where.test'),
  valid('of an IPv4 address', '127.0.0.1'),
  valid('of an IPv6 address', '[::1]'),
  valid('of an IPv6 address with a port', '[::1]:8080'),
  valid('percent-encoded', '%61.test', refused(400)),
  valid('with a comma, which the grammar allows', 'a,b.test', refused(400)),
  valid('of 5,000 bytes', `${'a'.repeat(5000)}.test`, refused(400)),
  valid('empty', '', refused(400)),
  valid('with port 99999', '$H:99999', refused(400)),
  invalid('with a port of letters', '$H:http'),
  invalid('with two ports', '$H:80:81'),
  invalid('with user information', 'user@$H'),
  invalid('with a user and a password', 'user:secret@$H'),
  invalid('with a space', 'some where.test'),
  invalid('with a path', '$H/x'),
  invalid('with a query', '$H?x'),
  invalid('with a fragment', '$H#x'),
  invalid('with a backslash', 'a\\b.test'),
  invalid('with a quote', 'a"b.test'),
  invalid('with angle brackets', '<b>.test'),
  invalid('with a scheme', 'http://$H'),
  invalid('with bytes beyond ASCII', 'm\xc3\xbcnchen.test'),
  invalid('with an open bracket', '[::1'),
  invalid('with text after the bracket', '[::1]x'),
  invalid('with a NUL', 'a\0b.test'),
  invalid('with a tab', 'a\tb.test'),
  absolute('the absolute form', 'http://$H/x?y=1', [passed({ line: 'GET /x?y=1', has: ['host: $H'] })]),
  absolute('the scheme in capitals', 'HTTP://$H/x', [passed({ line: 'GET /x' })]),
  absolute(
    'the absolute form and another Host',
    'http://$H/x',
    [passed({ line: 'GET /x', has: ['host: $H'] })],
    'other.test',
  ),
  absolute(
    'the absolute form and an empty Host',
    'http://$H/x',
    [passed({ line: 'GET /x', has: ['host: $H'] }), refused(400)],
    '',
  ),
  absolute('the absolute form without a path', 'http://$H', [passed({ line: 'GET /' })]),
  absolute('the absolute form with a query and no path', 'http://$H?y=1', [passed({ line: 'GET /?y=1' })]),
  absolute('the absolute form with a port', 'http://$H:80/x', [passed({ line: 'GET /x' })]),
  absolute('the absolute form of https', 'https://$H/x', [passed({ line: 'GET /x' }), refused(...NOT_HERE)]),
  { ...absolute('the absolute form of ftp', 'ftp://$H/x', [refused(...NOT_HERE)]), level: 'SHOULD' },
  absolute('the absolute form without a host', 'http:///x', [refused(400)]),
  {
    ...absolute('the absolute form with user information', 'http://user@$H/x', [refused(400)]),
    level: 'SHOULD',
  },
  { ...absolute('the absolute form with a fragment', 'http://$H/x#y', [refused(400)]), level: 'SHOULD' },
  absolute('the absolute form of another server', 'http://other.test/x', [refused(...NOT_HERE)]),
  {
    name: 'the absolute form without Host',
    rfc: '9112 3.2',
    level: 'MUST',
    send: ['GET http://$H/x HTTP/1.1\r\n\r\n'],
    allow: [refused(400)],
  },
  {
    name: 'the absolute form and two Hosts',
    rfc: '9112 3.2',
    level: 'MUST',
    send: ['GET http://$H/x HTTP/1.1\r\nHost: $H\r\nHost: other.test\r\n\r\n'],
    allow: [refused(400)],
  },
  {
    name: 'the absolute form and an invalid Host',
    rfc: '9112 3.2',
    level: 'MUST',
    send: ['GET http://$H/x HTTP/1.1\r\nHost: a b\r\n\r\n'],
    allow: [refused(400)],
  },
  {
    name: 'the authority form with GET',
    rfc: '9112 3.2.3',
    level: 'SHOULD',
    send: ['GET $H:80 HTTP/1.1\r\nHost: $H\r\n\r\n'],
    allow: [refused(400), dropped],
  },
  {
    name: 'CONNECT',
    rfc: '9110 9.3.6',
    level: 'MUST',
    send: ['CONNECT $H:443 HTTP/1.1\r\nHost: $H:443\r\n\r\n'],
    allow: [passed({ line: 'CONNECT $H:443' }), refused(400, 403, 404, 405, 501, 502, 503)],
  },
  {
    name: 'CONNECT with a path',
    rfc: '9112 3.2.3',
    level: 'MUST',
    send: ['CONNECT $T/x HTTP/1.1\r\nHost: $H\r\n\r\n'],
    allow: [refused(400, 403, 404, 405, 501)],
  },
  {
    name: 'OPTIONS *',
    rfc: '9112 3.2.4',
    level: 'MUST',
    send: ['OPTIONS * HTTP/1.1\r\nHost: $H\r\n\r\n'],
    allow: [passed({ line: 'OPTIONS *' }), refused(200, 204, 400, 404, 405, 501)],
  },
  {
    name: 'OPTIONS in absolute form without a path is OPTIONS *',
    rfc: '9112 3.2.4',
    level: 'MUST',
    send: ['OPTIONS http://$H HTTP/1.1\r\nHost: $H\r\n\r\n'],
    allow: [passed({ line: 'OPTIONS *' }), refused(200, 204, 400, 404, 405, 501)],
  },
  {
    name: 'GET *',
    rfc: '9112 3.2.4',
    level: 'SHOULD',
    send: ['GET * HTTP/1.1\r\nHost: $H\r\n\r\n'],
    allow: [refused(400, 404)],
  },
]
