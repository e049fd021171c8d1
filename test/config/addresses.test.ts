/**
 * Addresses of the listeners: which spellings are read, and what each wrong one is told, wherever it was given.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { problemsIn, settingsIn } from './reading.ts'

const ONE_TOOL = 'tools: { a: { upstream: "http://x" } }\n'

const ADDRESSES: readonly (readonly [string, string, number])[] = [
  ['127.0.0.1:81', '127.0.0.1', 81],
  ['LocalHost:0', 'localhost', 0],
  ['[::1]:81', '::1', 81],
  ['[0:0::1]:81', '::1', 81],
  [':81', '0.0.0.0', 81],
  ['81', '127.0.0.1', 81],
]

for (const [written, host, port] of ADDRESSES) {
  test(`the address ${written} is read`, () => {
    assert.deepEqual(settingsIn(ONE_TOOL, { flags: { listen: written } }).listen, { host, port })
  })
}

const FORM = 'write HOST:PORT, for example 127.0.0.1:8080'
const BAD_ADDRESSES: readonly (readonly [string, string])[] = [
  ['', `must be an address with a port, not ""; ${FORM}`],
  ['localhost', `must be an address with a port, not "localhost"; ${FORM}`],
  [
    '::1:80',
    'must be an address with a port, not "::1:80"; write an IPv6 address in brackets, for example "[::1]:8080"',
  ],
  ['[:::1]:80', '":::1" is no IPv6 address; write for example "[::1]:8080"'],
  ['1.2.3.256:80', `"1.2.3.256" is no host name or IPv4 address; ${FORM}`],
  ['*:80', `"*" is no host name or IPv4 address; ${FORM}`],
  ['a:65536', '"65536" is no port; write a port from 0 to 65535'],
  ['http://me:secret@a:80', `must be an address, not a URL; ${FORM}`],
  [
    'me:secret@a:80',
    'must be an address with a port, not "***@a:80"; write an IPv6 address in brackets, for example "[::1]:8080"',
  ],
]

for (const [written, problem] of BAD_ADDRESSES) {
  test(`the address "${written}" is refused under the name of the flag or variable that gave it`, () => {
    assert.deepEqual(problemsIn(ONE_TOOL, { flags: { listen: written } }), [`--listen: ${problem}`])
    assert.deepEqual(problemsIn(ONE_TOOL, { env: { SPILLWAY_ADMIN: written } }), [
      `SPILLWAY_ADMIN: ${problem}`,
    ])
  })
}

test('an invalid variable is a problem also where a flag wins over it', () => {
  assert.deepEqual(
    problemsIn(ONE_TOOL, { env: { SPILLWAY_LISTEN: 'x' }, flags: { listen: '81', drainSeconds: 'soon' } }),
    [
      `SPILLWAY_LISTEN: must be an address with a port, not "x"; ${FORM}`,
      '--drain-seconds: must be a number from 0 to 3600, not "soon"; write for example 25',
    ],
  )
})
