import assert from 'node:assert/strict'
import type { IncomingHttpHeaders } from 'node:http'
import { test } from 'node:test'
import { isAllowedToWrite, isLoopback } from '../../src/listen/authority.ts'

const LOOPBACK: readonly [host: string, expected: boolean][] = [
  ['localhost', true],
  ['LOCALHOST', true],
  ['127.0.0.1', true],
  ['127.1.2.3', true],
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
  ['a web page of no origin may not write', { host: 'localhost:9090', origin: 'null' }, LOCAL, 403],
  ['a name that was rebound to this host may not write', { host: 'evil.com:9090' }, LOCAL, 403],
  ['a request without a Host may not write', {}, LOCAL, 403],
  ['off loopback the token may write', { authorization: 'Bearer secret' }, OPEN, 200],
  ['the scheme of the token may be in any case', { authorization: 'bearer secret' }, OPEN, 200],
  ['off loopback nobody may write without the token', { host: 'localhost' }, OPEN, 401],
  ['a wrong token may not write', { authorization: 'Bearer secreT' }, OPEN, 401],
  ['a longer token may not write', { authorization: 'Bearer secret2' }, OPEN, 401],
  ['another scheme may not write', { authorization: 'Basic secret' }, OPEN, 401],
  ['an empty token may not write', { authorization: 'Bearer ' }, OPEN, 401],
  [
    'off loopback without a configured token nobody may write',
    { authorization: 'Bearer undefined' },
    { host: '::', token: undefined },
    403,
  ],
  [
    'off loopback an empty configured token lets nobody write',
    { authorization: 'Bearer ' },
    { host: '::', token: '' },
    403,
  ],
]

for (const [name, headers, listener, status] of ROWS) {
  test(name, () => {
    const authority = isAllowedToWrite(headers, listener)
    assert.equal(authority.ok ? 200 : authority.status, status)
    if (!authority.ok) assert.ok(!authority.problem.includes('secret'))
  })
}
