/**
 * Request heads at the limits of the listener: how many lines they may have and how long they may take, how a connection
 * ends that cannot be used further, and which heads are forwarded as an upgrade.
 */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { createProxyServer } from '../../src/listen/server.ts'
import { systemClock } from '../../src/time/system.ts'
import { eventually, pause } from '../support/eventually.ts'
import { fakeTool } from '../support/fake-tool.ts'
import { startSpillway } from '../support/process.ts'
import { exchange } from '../support/raw.ts'

test('a head of 256 lines reaches the tool whole, and a longer one is refused, counted and not forwarded', async () => {
  await using tool = await fakeTool(async (request, response) => {
    const marks = request.rawHeaders.filter((each) => each === 'x').length
    response.end(`${marks} lines, ${await text(request)}`)
  })
  await using spillway = await startSpillway(`tools: { t: { upstream: "${tool.url}" } }`)
  const ask = (lines: number, end: string): Promise<string> =>
    exchange(
      spillway.proxyPort,
      `POST /t HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${'x: y\r\n'.repeat(lines)}${end}`,
    )
  const length = 'Content-Length: 4\r\n\r\nbody'
  assert.match(await ask(253, length), /^HTTP\/1\.1 200[\s\S]*253 lines, body/)
  for (const lines of [254, 998, 1000, 2000, 2600])
    assert.match(await ask(lines, length), /^HTTP\/1\.1 431[\s\S]*"not_executed":true/)
  // Trailer lines are not forwarded and do not count.
  const trailers = `Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n${'x: y\r\n'.repeat(1100)}\r\n`
  assert.match(await ask(0, trailers), /^HTTP\/1\.1 200[\s\S]*0 lines, body/)
  assert.equal(tool.seen.calls, 2)
  assert.match(
    await spillway.metrics(),
    /spillway_refused_total\{tool="-",reason="HEADERS_TOO_LARGE",priority="normal"\} 5\n/,
  )
})

test('the last answer of a connection arrives even if its caller is still sending', async () => {
  await using tool = await fakeTool((_request, response) => response.end('x'.repeat(1_048_576)))
  await using spillway = await startSpillway(`tools: { t: { upstream: "${tool.url}" } }`)
  // More than the socket buffers hold.
  const more = Buffer.alloc(16_777_216, 'more')
  const ask = (head: string): Promise<string> =>
    exchange(spillway.proxyPort, Buffer.concat([Buffer.from(head), more]))
  assert.match(await ask('no HTTP'), /^HTTP\/1\.1 400[\s\S]*\}\n$/)
  assert.match(await ask('GET /no HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 404[\s\S]*\}\n$/)
  const length = `Content-Length: ${more.length}\r\n\r\n`
  const continuing = `POST /no HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n${length}`
  assert.match(await ask(continuing), /^HTTP\/1\.1 404[\s\S]*\}\n$/)
  const upgrading = 'GET /no HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'
  assert.match(await exchange(spillway.proxyPort, upgrading), /^HTTP\/1\.1 404[\s\S]*\}\n$/)
  const closing = 'GET /t HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
  const answer = await ask(closing)
  assert.match(answer, /^HTTP\/1\.1 200/)
  assert.equal(answer.length - answer.indexOf('\r\n\r\n'), 4 + 1_048_576)
  assert.equal(tool.seen.calls, 1)
})

test('an answer to HEAD has no body, even as the last one of its connection', async () => {
  await using spillway = await startSpillway('tools: { t: { upstream: "http://127.0.0.1:9" } }')
  const answer = await exchange(spillway.proxyPort, 'HEAD /t HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n')
  assert.match(answer, /^HTTP\/1\.1 400[\s\S]*\r\n\r\n$/)
})

/** The listener without a process, because a process has longer timeouts than a test can wait for. */
async function listener(headersTimeoutMs: number) {
  const malformed: string[] = []
  const server = createProxyServer({
    clock: systemClock,
    headersTimeoutMs,
    onCall: ({ response }) => response.end('called'),
    answerMalformed: (reason) => {
      malformed.push(reason)
      return `${reason}\r\n\r\n`
    },
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    malformed,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

test('a head that arrives too slowly is answered REQUEST_TIMEOUT in its turn; an unused connection is just closed', async () => {
  await using slow = await listener(300)
  const begun = exchange(slow.port, 'GET /t HTTP/1.1\r\nHost:')
  const unused = exchange(slow.port, '')
  const second = exchange(slow.port, 'GET /t HTTP/1.1\r\nHost: a\r\n\r\nGET /t HT')
  assert.equal(await begun, 'REQUEST_TIMEOUT\r\n\r\n')
  assert.equal(await unused, '')
  assert.match(await second, /^HTTP\/1\.1 200[\s\S]*calledREQUEST_TIMEOUT\r\n\r\n$/)
  assert.deepEqual(slow.malformed, ['REQUEST_TIMEOUT', 'REQUEST_TIMEOUT'])
})

test('a connection is closed after its last answer even if the caller keeps it open', async () => {
  await using server = await listener(30_000)
  const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true }, () =>
    socket.write('no HTTP\r\n\r\n'),
  )
  socket.resume()
  let isCut = false
  socket.on('error', () => (isCut = true)).on('close', () => (isCut = true))
  await eventually(async () => {
    await pause(200)
    if (socket.writable) socket.write('more')
    assert.ok(isCut)
  })
})

test('only a GET of HTTP/1.1 without a body is forwarded as an upgrade; in other requests the Upgrade is ignored', async () => {
  const seen: string[] = []
  const tool = createServer((request, response) => {
    void text(request).then((body) => {
      seen.push(`${request.method ?? ''} ${request.headers.upgrade ?? '-'} ${body}`)
      response.end('plain')
    })
  }).on('upgrade', (_request, socket) =>
    socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'),
  )
  await new Promise<void>((resolve) => tool.listen(0, '127.0.0.1', resolve))
  const { port } = tool.address() as AddressInfo
  await using spillway = await startSpillway(`tools: { t: { upstream: "http://127.0.0.1:${port}" } }`)
  const wish = 'Host: a\r\nConnection: close, Upgrade\r\nUpgrade: x\r\n'
  const ask = (head: string, rest: string) => exchange(spillway.proxyPort, `${head}\r\n${wish}${rest}`)
  assert.match(await ask('GET /t HTTP/1.1', 'Content-Length: 0\r\n\r\n'), /^HTTP\/1\.1 101/)
  assert.match(await ask('GET /t HTTP/1.1', 'Content-Length: 4\r\n\r\nbody'), /^HTTP\/1\.1 200[\s\S]*plain/)
  assert.match(await ask('POST /t HTTP/1.1', 'Content-Length: 4\r\n\r\nbody'), /^HTTP\/1\.1 200[\s\S]*plain/)
  assert.match(
    await ask('PUT /t HTTP/1.1', 'Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n'),
    /^HTTP\/1\.1 200[\s\S]*plain/,
  )
  assert.match(await ask('GET /t HTTP/1.0', '\r\n'), /^HTTP\/1\.1 200[\s\S]*plain/)
  assert.deepEqual(seen, ['GET - body', 'POST - body', 'PUT - body', 'GET - '])
  tool.close()
})
