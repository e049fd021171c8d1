/**
 * Spillway's own answers other than refusals, as data: answers of the admin listener, last answers before a close, the event
 * stream, and heads as bytes.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as admin from '../../src/reply/admin.ts'
import { give } from '../../src/reply/answer.ts'
import type { Answer } from '../../src/reply/answer.ts'
import { eventStream, eventText, noPlaceToWatch } from '../../src/reply/event-stream.ts'
import { lastRefusal } from '../../src/reply/last-answer.ts'
import { accepted, leaseGranted } from '../../src/reply/notice.ts'
import { switchingProtocols, wireHead } from '../../src/reply/wire-head.ts'

const ADMIN: readonly (readonly [name: string, answer: Answer, status: number, body: object])[] = [
  ['a requested view', admin.shown({ a: 1 }), 200, { a: 1 }],
  ['a process that is up', admin.isUp(), 200, { status: 'up' }],
  ['a sidecar that accepts work', admin.readiness(false, undefined), 200, { status: 'ready' }],
  [
    'a sidecar whose store is lost',
    admin.readiness(false, { status: 'store_lost', body: { t: 'lost' } }),
    503,
    { status: 'store_lost', fleet: { t: 'lost' } },
  ],
  [
    'a sidecar that drains, also with a lost store',
    admin.readiness(true, { status: 'ready', body: {} }),
    503,
    { status: 'draining', fleet: {} },
  ],
  ['a reload', admin.reloaded({ ok: true, body: {} }), 200, {}],
  ['a reload of a bad file', admin.reloaded({ ok: false, body: { problems: [] } }), 422, { problems: [] }],
  [
    'a path that does not exist',
    admin.noSuchPath('GET', '/x'),
    404,
    { error: 'there is no GET /x', remedy: 'GET / lists what there is' },
  ],
  [
    'a tool that does not exist',
    admin.noSuchTool('x'),
    404,
    { error: 'there is no tool "x"', remedy: 'GET /lanes lists the tools' },
  ],
  [
    'a wrong method',
    admin.wrongMethod({ path: '/leases/ID', methods: ['PUT', 'DELETE'], method: 'GET' }),
    405,
    { error: '/leases/ID takes PUT and DELETE, not GET' },
  ],
  ['a bad body', admin.badRequest('no'), 400, { error: 'no' }],
  ['a large body', admin.bodyTooLarge(9), 413, { error: 'the body is larger than 9 bytes' }],
]

for (const [name, answer, status, body] of ADMIN) {
  test(`admin: ${name} is ${status}, in JSON`, () => {
    assert.equal(answer.status, status)
    assert.deepEqual(JSON.parse(answer.body), body)
    const headers = answer.headers.join('\n')
    assert.match(headers, /Content-Type\napplication\/json/)
    assert.match(headers, new RegExp(`Content-Length\\n${Buffer.byteLength(answer.body)}(?:\n|$)`))
  })
}

test('admin: the answer to a wrong method lists the right ones in Allow', () => {
  const { headers } = admin.wrongMethod({ path: '/', methods: ['GET', 'PATCH'], method: 'PUT' })
  assert.equal(headers[headers.indexOf('Allow') + 1], 'GET, PATCH')
})

test('admin: the last answer has the status of its reason and the guard headers, and closes the connection', () => {
  const answer = admin.lastMalformed('HEADERS_TOO_LARGE', 'more than 16384 bytes')
  assert.equal(
    answer,
    [
      'HTTP/1.1 431 HEADERS_TOO_LARGE',
      'Connection: close',
      'Cache-Control: no-store',
      'X-Content-Type-Options: nosniff',
      'Cross-Origin-Resource-Policy: same-origin',
      'Content-Type: application/json',
      'Content-Length: 34',
      '',
      '{"error":"more than 16384 bytes"}\n',
    ].join('\r\n'),
  )
})

test('a refusal as last answer has all headers and the body, and closes the connection', () => {
  const [head = '', body = ''] = lastRefusal({ reason: 'BAD_REQUEST', requestId: 'id-1' }).split('\r\n\r\n')
  assert.match(
    head,
    /^HTTP\/1\.1 400 BAD_REQUEST\r\nConnection: close\r\nContent-Type: application\/json\r\n/,
  )
  assert.match(head, new RegExp(`Content-Length: ${Buffer.byteLength(body)}\r\n`))
  assert.equal((JSON.parse(body) as { reason: string }).reason, 'BAD_REQUEST')
})

test('a message that asks for no answer gets 202 without a body', () => {
  assert.deepEqual(accepted(), { status: 202, headers: [], body: '' })
})

test('the answer to a granted lease names the path to renew it', () => {
  const { status, headers, body } = leaseGranted({ lease_id: 'a' }, 'a')
  assert.equal(status, 201)
  assert.equal(headers[headers.indexOf('Location') + 1], '/leases/a')
  assert.equal(body, '{"lease_id":"a"}\n')
})

test('an event stream begins with a head and sends events as text', () => {
  assert.deepEqual([eventStream().status, eventStream().headers[1]], [200, 'text/event-stream'])
  assert.equal(eventText('lanes', [{ tool: 't' }]), 'event: lanes\ndata: [{"tool":"t"}]\n\n')
  const { status, headers, body } = noPlaceToWatch('already 32 watchers')
  assert.deepEqual([status, body], [503, '{"error":"already 32 watchers"}\n'])
  assert.equal(headers[headers.indexOf('Retry-After') + 1], '5')
})

test('a head as bytes keeps bytes above 127 unchanged', () => {
  const bytes = wireHead({ status: 103, phrase: 'Early Hints', headers: ['X-Name', 'caf\xe9'] })
  assert.equal(bytes.toString('latin1'), 'HTTP/1.1 103 Early Hints\r\nX-Name: caf\xe9\r\n\r\n')
})

test('the head of a protocol switch names the new protocol', () => {
  assert.equal(
    switchingProtocols('websocket', ['Sec-WebSocket-Accept', 'a']).toString('latin1'),
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: a\r\n\r\n',
  )
})

test('an answer is written as one head and one end', () => {
  const seen: unknown[] = []
  const response = {
    writeHead: (status: number, headers: string[]) => {
      seen.push(status, headers)
      return { end: (body: string) => seen.push(body) }
    },
  }
  give(response, { status: 200, headers: ['A', 'b'], body: 'c' })
  assert.deepEqual(seen, [200, ['A', 'b'], 'c'])
})
