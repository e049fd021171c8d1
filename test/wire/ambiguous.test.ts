/**
 * Requests that are never forwarded: those that two HTTP parsers could interpret differently, and those in which the
 * caller tries to choose the upstream. Each is sent as raw bytes, and the tool must not see it. The tests of routing
 * show which tool takes a request that is unambiguous.
 */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { eventually, pause } from '../support/eventually.ts'
import { after, fakeTool } from '../support/fake-tool.ts'
import { startSpillway } from '../support/process.ts'
import { exchange } from '../support/raw.ts'

const UPGRADE = 'Connection: Upgrade\r\nUpgrade: websocket\r\n'

const REFUSED: readonly [string, string, RegExp][] = [
  [
    'Content-Length together with chunks',
    'POST /t HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    /^HTTP\/1\.1 400/,
  ],
  [
    'two Content-Lengths',
    'POST /t HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd',
    /^HTTP\/1\.1 400/,
  ],
  [
    'two Host headers',
    'GET /t HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n',
    /^HTTP\/1\.1 400/,
  ],
  ['no Host header', 'GET /t HTTP/1.1\r\nConnection: close\r\n\r\n', /^HTTP\/1\.1 400/],
  ['a dot segment', 'GET /t/../u HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', /^HTTP\/1\.1 400/],
  [
    'an encoded dot segment',
    'GET /t/%2e%2E%2fu HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    /^HTTP\/1\.1 400/,
  ],
  ['a backslash', 'GET /t\\..\\u HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', /^HTTP\/1\.1 400/],
  [
    'a space before the colon of a header',
    'GET /t HTTP/1.1\r\nHost : a\r\nConnection: close\r\n\r\n',
    /^HTTP\/1\.1 400/,
  ],
  [
    'a bare line feed in a header',
    'GET /t HTTP/1.1\r\nHost: a\nX: b\r\nConnection: close\r\n\r\n',
    /^HTTP\/1\.1 400/,
  ],
  [
    'a CONNECT request',
    'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n',
    /^HTTP\/1\.1 400/,
  ],
  [
    'user information in the target',
    'GET http://u:p@a/t HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    /^HTTP\/1\.1 400/,
  ],
  [
    'an absolute target with a host that no tool matches',
    'GET http://other.example/t HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n',
    /^HTTP\/1\.1 404/,
  ],
  [
    'headers that are too large',
    `GET /t HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
    /^HTTP\/1\.1 431/,
  ],
  ['HTTP/2.0', 'GET /t HTTP/2.0\r\nHost: a\r\n\r\n', /^HTTP\/1\.1 400/],
  ['HTTP/3.0', 'GET /t HTTP/3.0\r\nHost: a\r\n\r\n', /^HTTP\/1\.1 400/],
  ['HTTP/1.2', 'GET /t HTTP/1.2\r\nHost: a\r\n\r\n', /^HTTP\/1\.1 400/],
  ['HTTP/0.9', 'GET /t HTTP/0.9\r\nHost: a\r\n\r\n', /^HTTP\/1\.1 400/],
  ['no version', 'GET /t\r\n\r\n', /^HTTP\/1\.1 400/],
  ['no version, and no blank line', 'GET /t\r\n', /^HTTP\/1\.1 400/],
  ['no method and no version', 'TEA /t\r\n', /^HTTP\/1\.1 400/],
  ['no version, and headers', 'GET /t\r\nHost: a\r\n\r\n', /^HTTP\/1\.1 400/],
  ['an upgrade of HTTP/2.0', `GET /t HTTP/2.0\r\nHost: a\r\n${UPGRADE}\r\n`, /^HTTP\/1\.1 400/],
  ['an unknown Expect', 'GET /t HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n', /^HTTP\/1\.1 400/],
  [
    'a Content-Length after too many header lines',
    `POST /t HTTP/1.1\r\nHost: a\r\n${'x: y\r\n'.repeat(1000)}Content-Length: 4\r\n\r\nbody`,
    /^HTTP\/1\.1 431/,
  ],
  ['257 header lines', `GET /t HTTP/1.1\r\nHost: a\r\n${'x: y\r\n'.repeat(256)}\r\n`, /^HTTP\/1\.1 431/],
  [
    'an upgrade with 257 header lines',
    `GET /t HTTP/1.1\r\nHost: a\r\n${UPGRADE}${'x: y\r\n'.repeat(254)}\r\n`,
    /^HTTP\/1\.1 431/,
  ],
  ['an unknown path', 'GET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', /^HTTP\/1\.1 404/],
  [
    "a segment that only begins with a tool's name",
    'GET /tt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    /^HTTP\/1\.1 404/,
  ],
]

test('an ambiguous request reaches no tool, and its answer gives the reason in JSON', async (t) => {
  await using tool = await fakeTool(after(0))
  await using spillway = await startSpillway(
    `tools: { t: { upstream: "${tool.url}" }, u: { upstream: "${tool.url}" } }`,
  )
  for (const [name, bytes, status] of REFUSED) {
    await t.test(name, async () => {
      const answer = await exchange(spillway.proxyPort, bytes)
      assert.match(answer, status)
      const body = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)) as Record<string, unknown>
      assert.equal(body['accepted'], false)
      assert.equal(body['not_executed'], true)
      assert.match(answer, new RegExp(`X-Spillway-Reason: ${String(body['reason'])}`))
      assert.equal(tool.seen.calls, 0)
    })
  }
})

test('a request in absolute form, as clients with HTTP_PROXY send it, is routed by its host', async () => {
  await using tool = await fakeTool((request, response) =>
    response.end(`${request.headers.host ?? ''} ${request.url ?? ''}`),
  )
  await using spillway = await startSpillway(
    `tools: { api: { upstream: "${tool.url}", match: [{ host: api.internal }] } }`,
  )
  const answer = await exchange(
    spillway.proxyPort,
    'GET http://API.internal:80/v1/x?y=1 HTTP/1.1\r\nHost: ignored.example\r\nConnection: close\r\n\r\n',
  )
  assert.match(answer, /^HTTP\/1\.1 200/)
  assert.match(answer, new RegExp(`127.0.0.1:${tool.port} /v1/x\\?y=1`))
})

test('the most specific match wins, and a path matches whole segments', async () => {
  await using tool = await fakeTool((request, response) => response.end(request.url))
  await using spillway = await startSpillway(`
tools:
  all: { upstream: "${tool.url}/all", match: [{ path: / }] }
  a: { upstream: "${tool.url}/a", match: [{ path: /a }] }
  ab: { upstream: "${tool.url}/ab", match: [{ path: /a/b }], stripPath: false }
  host: { upstream: "${tool.url}/host", match: [{ host: localhost }] }
  both: { upstream: "${tool.url}/both", match: [{ host: localhost, path: /a }] }
`)
  const at = async (url: string) => (await fetch(url)).text()
  const local = spillway.proxy.replace('127.0.0.1', 'localhost')
  assert.equal(await at(`${spillway.proxy}/a`), '/a/')
  assert.equal(await at(`${spillway.proxy}/a/x?q`), '/a/x?q')
  assert.equal(await at(`${spillway.proxy}/a/b/c`), '/ab/a/b/c')
  assert.equal(await at(`${spillway.proxy}/abc`), '/all/abc')
  assert.equal(await at(`${local}/abc`), '/host/abc')
  assert.equal(await at(`${local}/a/b`), '/both/b')
})

test('bytes that are not HTTP, behind a running call, are refused only after the answer to that call', async () => {
  await using tool = await fakeTool(async (_request, response) => {
    await pause(200)
    response.end('done')
  })
  await using spillway = await startSpillway(`tools: { t: { upstream: "${tool.url}" } }`)
  const socket = connect(spillway.proxyPort, '127.0.0.1').setEncoding('latin1')
  socket.write('DELETE /t/x HTTP/1.1\r\nHost: a\r\n\r\n')
  await eventually(() => assert.equal(tool.seen.calls, 1))
  socket.write('a body without a length')
  let answers = ''
  for await (const text of socket as AsyncIterable<string>) answers += text
  assert.match(answers, /^HTTP\/1\.1 200 OK[\s\S]*doneHTTP\/1\.1 400 BAD_REQUEST\r\n/)
})

test('a body with broken chunk framing closes the connection without an answer', async (t) => {
  await using tool = await fakeTool(() => undefined)
  await using spillway = await startSpillway(`tools: { t: { upstream: "${tool.url}" } }`)
  const sendBroken = async (bytes: number, meanwhile: () => Promise<unknown>): Promise<string> => {
    const socket = connect(spillway.proxyPort, '127.0.0.1').setEncoding('latin1')
    const head = 'POST /t/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'
    socket.write(`${head}${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n`)
    await meanwhile()
    socket.write('no length of a chunk\r\n')
    let answers = ''
    for await (const text of socket as AsyncIterable<string>) answers += text
    await eventually(async () => assert.equal((await spillway.lane('t')).active_workers, 0))
    return answers
  }
  await t.test('a small body: it is read before admission, so the tool never sees the call', async () => {
    assert.equal(await sendBroken(3, () => pause(50)), '')
    assert.equal(tool.seen.calls, 0)
  })
  await t.test('a large body, which already streams to the tool', async () => {
    const isAtTool = () => eventually(() => assert.equal(tool.seen.calls, 1))
    assert.equal(await sendBroken(2 * 1_048_576, isAtTool), '')
  })
})
