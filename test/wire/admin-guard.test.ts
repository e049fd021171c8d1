/**
 * The admin listener against web pages, rebound names and unusual requests: such a request changes nothing, and its answer
 * is complete and not 5xx.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startSpillway } from '../support/process.ts'
import type { Spillway } from '../support/process.ts'
import { exchange } from '../support/raw.ts'

const YAML = 'tools: { t: { upstream: "http://127.0.0.1:9", maxConcurrent: 4 } }'

interface Asked {
  readonly method?: string
  readonly path?: string
  /** Lines of the head. */
  readonly head?: readonly string[]
  readonly body?: string
  readonly version?: string
}

function portOf(spillway: Spillway): number {
  return Number(new URL(spillway.admin).port)
}

/** One request on a connection of its own; the answer as text. */
function ask(spillway: Spillway, asked: Asked): Promise<string> {
  const { method = 'GET', path = '/lanes', body = '', version = '1.1' } = asked
  const host = `Host: 127.0.0.1:${portOf(spillway)}`
  const length = body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]
  const head = [
    `${method} ${path} HTTP/${version}`,
    ...(asked.head ?? [host]),
    ...length,
    'Connection: close',
  ]
  return exchange(portOf(spillway), `${head.join('\r\n')}\r\n\r\n${body}`)
}

function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? 0)
}

/** Everything that can be read, and everything that steers. */
const READS = ['/', '/healthz', '/readyz', '/metrics', '/lanes', '/lanes/t', '/events']
const WRITES: readonly (readonly [method: string, path: string, body: string])[] = [
  ['PATCH', '/lanes/t', '{"paused": true}'],
  ['POST', '/reload', ''],
  ['POST', '/lanes/t/leases', '{"job_id": "a"}'],
  ['PUT', '/leases/a', ''],
  ['DELETE', '/leases/a', ''],
]

test('a name that was rebound to this host may neither read nor write', async () => {
  await using spillway = await startSpillway(YAML)
  const head = ['Host: evil.example:9090']
  for (const path of READS) assert.equal(statusOf(await ask(spillway, { path, head })), 403, path)
  for (const [method, path, body] of WRITES)
    assert.equal(statusOf(await ask(spillway, { method, path, body, head })), 403, path)
  for (const name of ['localhost', '127.0.0.1', '127.9.9.9:1', '[::1]:9090'])
    assert.equal(statusOf(await ask(spillway, { head: [`Host: ${name}`] })), 200, name)
  assert.equal(statusOf(await ask(spillway, { head: [], version: '1.0' })), 200)
  assert.equal(
    statusOf(await ask(spillway, { head: [], version: '1.0', method: 'POST', path: '/reload' })),
    403,
  )
  assert.equal((await spillway.lane('t')).paused, false)
})

for (const [address, token] of [
  ['127.0.0.1', undefined],
  ['0.0.0.0', 'wire-secret'],
] as const) {
  test(`on ${address} no web page steers, whatever its browser tells of it, and none is let in by CORS`, async () => {
    await using spillway = await startSpillway(YAML, {
      args: ['--admin', `${address}:0`],
      env: { SPILLWAY_ADMIN_TOKEN: token ?? '' },
    })
    const host = `Host: 127.0.0.1:${portOf(spillway)}`
    const bearer = token === undefined ? [] : [`Authorization: Bearer ${token}`]
    const pages = [
      ['Origin: https://evil.example', 'Content-Type: text/plain'],
      ['Origin: null', 'Content-Type: application/x-www-form-urlencoded'],
      ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: no-cors'],
      ['Sec-Fetch-Site: same-site'],
      ['Referer: https://evil.example/page', 'Content-Type: multipart/form-data; boundary=x'],
      ['Origin: http://127.0.0.1:3000'],
    ]
    for (const [method, path, body] of WRITES) {
      for (const page of pages) {
        const answer = await ask(spillway, { method, path, body, head: [host, ...bearer, ...page] })
        assert.equal(statusOf(answer), 403, `${method} ${path} ${page.join()}`)
        assert.doesNotMatch(answer, /access-control/i)
      }
    }
    const preflight = await ask(spillway, {
      method: 'OPTIONS',
      path: '/lanes/t',
      head: [host, 'Origin: https://evil.example', 'Access-Control-Request-Method: PATCH'],
    })
    assert.ok(statusOf(preflight) >= 400)
    assert.doesNotMatch(preflight, /access-control/i)
    const lane = await ask(spillway, {
      method: 'PATCH',
      path: '/lanes/t',
      body: '{"limit": 2}',
      head: [host, ...bearer],
    })
    assert.equal(statusOf(lane), 200)
    assert.match(lane, /"limit":2/)
    assert.match(lane, /nosniff/)
    assert.equal((await spillway.lane('t')).paused, false)
  })
}

test('off loopback reading is open by any name, and writing needs the whole token', async () => {
  await using spillway = await startSpillway(YAML, {
    args: ['--admin', '0.0.0.0:0'],
    env: { SPILLWAY_ADMIN_TOKEN: 'wire-secret' },
  })
  const host = 'Host: spillway.tools.internal'
  for (const path of READS.filter((each) => each !== '/events'))
    assert.equal(statusOf(await ask(spillway, { path, head: [host] })), 200, path)
  for (const sent of [
    '',
    'Bearer',
    'Bearer ',
    'Bearer wire-secre',
    'Bearer wire-secrets',
    'Basic wire-secret',
  ]) {
    const head = [host, ...(sent === '' ? [] : [`Authorization: ${sent}`])]
    for (const [method, path, body] of WRITES)
      assert.equal(statusOf(await ask(spillway, { method, path, body, head })), 401, `${sent} ${method}`)
  }
})

test('every request to the admin listener is answered, and no answer is 5xx', async () => {
  await using spillway = await startSpillway(YAML)
  const paths = [
    ...READS,
    '/../../etc/passwd',
    '/lanes/..%2f..%2fetc',
    '/lanes/%',
    '/lanes/%ff%fe',
    '/lanes/%00',
    '/lanes/__proto__',
    '/lanes/constructor/leases',
    '/lanes//leases',
    '/leases/%E0%A4%A',
    '/leases/__proto__',
    '//',
    '/?x=%zz',
    `/${'a'.repeat(8000)}`,
    'http://evil.example/lanes',
    '*',
  ]
  const bodies = [
    '{',
    '[]',
    'null',
    '"x"',
    '{"limit":1e999}',
    '{"__proto__":{"paused":true}}',
    '\u0000\ud7ff',
    '['.repeat(16_000),
    'x'.repeat(60_000),
  ]
  const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'QUERY']
  const asked = [
    ...paths.flatMap((path) => methods.map((method): Asked => ({ method, path }))),
    ...bodies.flatMap((body) => WRITES.map(([method, path]): Asked => ({ method, path, body }))),
  ].filter(({ method, path }) => !(path === '/events' && method === 'GET'))
  for (const each of asked) {
    const status = statusOf(await ask(spillway, each))
    const shown = JSON.stringify({ ...each, body: each.body?.slice(0, 20) }).slice(0, 120)
    assert.ok(status >= 200 && status < 500, `${status} ${shown}`)
  }
  const host = `Host: 127.0.0.1:${portOf(spillway)}`
  const unusual = [
    'Expect: 100-continue',
    'Expect: s-maxage',
    'Upgrade: websocket\r\nConnection: Upgrade',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity',
    'Content-Length: 5\r\nContent-Length: 6',
    'X-Large: '.padEnd(40_000, 'x'),
  ]
  for (const line of unusual) {
    for (const [method, path] of [...WRITES, ['GET', '/lanes'] as const]) {
      const startedAt = performance.now()
      const answer = await ask(spillway, {
        method,
        path,
        head: [host, line],
        body: path === '/lanes/t' ? '{}' : '',
      })
      // RFC 9110, 15.2: an interim answer comes before the real one.
      const status = statusOf(answer.replace(/^HTTP\/1\.1 100 [^\r]*\r\n\r\n/, ''))
      assert.ok(status >= 200 && status < 500, `${status} ${method} ${path} ${line.slice(0, 60)}`)
      assert.ok(performance.now() - startedAt < 2500, `${method} ${path} ${line.slice(0, 60)} hung`)
    }
  }
  const large = await ask(spillway, { method: 'PATCH', path: '/lanes/t', body: 'x'.repeat(60_000) })
  assert.equal(statusOf(large), 413)
  assert.equal((await fetch(`${spillway.admin}/healthz`)).status, 200)
  assert.equal((await spillway.lane('t')).paused, false)
})

test('a request with lines that Node 22 drops, without or with two Hosts, or of another version is refused', async () => {
  await using spillway = await startSpillway(YAML)
  const host = `Host: 127.0.0.1:${portOf(spillway)}`
  const order = { method: 'PATCH', path: '/lanes/t', body: '{"paused": true}' }
  const lines = Array.from({ length: 1100 }, () => 'x: y')
  assert.equal(statusOf(await ask(spillway, { ...order, head: [host, ...lines, 'Origin: null'] })), 431)
  for (const head of [[], [host, 'Host: evil.example']]) {
    const answer = await ask(spillway, { ...order, head })
    assert.equal(statusOf(answer), 400)
    assert.match(answer, /\{"error":"there is (?:no|more than one) Host header"\}/)
  }
  for (const version of ['2.0', '0.9'])
    assert.equal(statusOf(await ask(spillway, { ...order, head: [host], version })), 400, version)
  assert.equal((await spillway.lane('t')).paused, false)
})

test('a known path asked with another method is 405 and names those it takes', async () => {
  await using spillway = await startSpillway(YAML)
  const rows = [
    ['POST', '/metrics', 'GET'],
    ['GET', '/reload', 'POST'],
    ['DELETE', '/lanes/t', 'GET, PATCH'],
    ['GET', '/leases/a', 'PUT, DELETE'],
  ] as const
  for (const [method, path, allowed] of rows) {
    const answer = await ask(spillway, { method, path })
    assert.equal(statusOf(answer), 405, path)
    assert.match(answer, new RegExp(`\r\nAllow: ${allowed}\r\n`), path)
  }
  assert.equal(statusOf(await ask(spillway, { path: '/lanes/t/u' })), 404)
})
