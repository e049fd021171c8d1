/**
 * Which requests the admin listener lets read and which it lets write, as tables of headers for a listener on loopback
 * and for one on other addresses with a token.
 */
import assert from 'node:assert/strict'
import type { IncomingHttpHeaders } from 'node:http'
import { test } from 'node:test'
import { denialOfReading, denialOfWriting, isLoopback } from '../../src/listen/authority.ts'
import { denied } from '../../src/reply/admin.ts'

const LOOPBACK: readonly [host: string, expected: boolean][] = [
  ['localhost', true],
  ['LOCALHOST', true],
  ['127.0.0.1', true],
  ['127.1.2.3', true],
  ['localhost.', true],
  ['::1', true],
  ['[::1]', true],
  ['0.0.0.0', false],
  ['::', false],
  ['10.0.0.1', false],
  ['128.0.0.1', false],
  ['127.0.0.1.evil.com', false],
  ['localhost.evil.com', false],
  ['evil-localhost', false],
  ['', false],
]

for (const [host, expected] of LOOPBACK) {
  test(`${host || 'no host'} is ${expected ? '' : 'not '}loopback`, () =>
    assert.equal(isLoopback(host), expected))
}

const LOCAL = { host: '127.0.0.1', token: undefined }
const OPEN = { host: '0.0.0.0', token: 'secret' }

const ROWS: readonly [
  name: string,
  headers: IncomingHttpHeaders,
  listener: typeof LOCAL | typeof OPEN,
  status: number,
][] = [
  ['a process of this host may write', { host: '127.0.0.1:9090' }, LOCAL, 200],
  ['a process of this host may write by its name', { host: 'localhost:9090' }, LOCAL, 200],
  ['a process of this host may write over IPv6', { host: '[::1]:9090' }, LOCAL, 200],
  ['a process of this host may write on the default port', { host: 'localhost' }, LOCAL, 200],
  ['a web page may not write', { host: 'localhost:9090', origin: 'https://evil.com' }, LOCAL, 403],
  ['a web page with the origin null may not write', { host: 'localhost:9090', origin: 'null' }, LOCAL, 403],
  [
    'a page of another site without an Origin header may not write',
    { host: 'localhost:9090', 'sec-fetch-site': 'cross-site' },
    LOCAL,
    403,
  ],
  [
    'a page of another port of this host may not write',
    { host: 'localhost:9090', 'sec-fetch-site': 'same-site' },
    LOCAL,
    403,
  ],
  [
    'a page of another site that sends only a Referer may not write',
    { host: 'localhost:9090', referer: 'http://evil.com/' },
    LOCAL,
    403,
  ],
  [
    'off loopback a web page may not write, even with the token',
    { authorization: 'Bearer secret', origin: 'https://evil.com' },
    OPEN,
    403,
  ],
  ['a name that was rebound to this host may not write', { host: 'evil.com:9090' }, LOCAL, 403],
  ['a request without a Host may not write', {}, LOCAL, 403],
  ['off loopback a request with the token may write', { authorization: 'Bearer secret' }, OPEN, 200],
  ['the scheme of the token may be in any case', { authorization: 'bearer secret' }, OPEN, 200],
  ['off loopback a request without the token may not write', { host: 'localhost' }, OPEN, 401],
  ['a request with a wrong token may not write', { authorization: 'Bearer secreT' }, OPEN, 401],
  ['a request with a longer token may not write', { authorization: 'Bearer secret2' }, OPEN, 401],
  ['a request with another scheme may not write', { authorization: 'Basic secret' }, OPEN, 401],
  ['a request with an empty token may not write', { authorization: 'Bearer ' }, OPEN, 401],
  [
    'off loopback no request may write if no token is configured',
    { authorization: 'Bearer undefined' },
    { host: '::', token: undefined },
    403,
  ],
  [
    'off loopback no request may write if the configured token is empty',
    { authorization: 'Bearer ' },
    { host: '::', token: '' },
    403,
  ],
]

for (const [name, headers, listener, status] of ROWS) {
  test(name, () => {
    const denial = denialOfWriting({ headers, httpVersion: '1.1' }, listener)
    assert.equal(denial === undefined ? 200 : denied(denial).status, status)
    if (denial !== undefined) assert.ok(!denied(denial).body.includes('secret'))
  })
}

const READING: readonly [
  name: string,
  headers: IncomingHttpHeaders,
  listener: typeof LOCAL | typeof OPEN,
  status: number,
  httpVersion?: string,
][] = [
  ['a process of this host may read', { host: '127.0.0.1:9090' }, LOCAL, 200],
  ['a process of this host may read over IPv6', { host: '[::1]:9090' }, LOCAL, 200],
  ['a request of HTTP/1.0 without a Host may read', {}, LOCAL, 200, '1.0'],
  ['a request of HTTP/1.1 without a Host may not read', {}, LOCAL, 403],
  ['a request with an empty Host may not read', { host: '' }, LOCAL, 403, '1.0'],
  ['a name that was rebound to this host may not read', { host: 'evil.com:9090' }, LOCAL, 403],
  ['a name that begins as a loopback name may not read', { host: '127.0.0.1.evil.com' }, LOCAL, 403],
  ['a web page may not read', { host: 'localhost:9090', origin: 'https://evil.com' }, LOCAL, 403],
  [
    'a web page may not open an event stream',
    { host: 'localhost:9090', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
    LOCAL,
    403,
  ],
  [
    'a link to a page of this listener may be followed',
    { host: 'localhost:9090', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' },
    LOCAL,
    200,
  ],
  ['off loopback every program may read by any name', { host: 'spillway.internal:9090' }, OPEN, 200],
  ['off loopback a web page may not read', { host: '10.0.0.1', origin: 'null' }, OPEN, 403],
]

for (const [name, headers, listener, status, httpVersion = '1.1'] of READING) {
  test(name, () => {
    const denial = denialOfReading({ headers, httpVersion }, listener)
    assert.equal(denial === undefined ? 200 : denied(denial).status, status)
  })
}
