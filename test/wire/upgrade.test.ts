/**
 * Upgraded connections, of WebSockets and other protocols. Each holds a lease for as long as it lives, and bytes in
 * either direction renew the lease.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import { eventually, pause } from '../support/eventually.ts'
import { startSpillway } from '../support/process.ts'
import { exchange } from '../support/raw.ts'

/** More than the socket buffers hold. */
const LONG_BYTES = 3_000_000

async function echoTool() {
  const server = createServer((_request, response) => response.writeHead(403).end('no'))
  const sockets = new WebSocketServer({ noServer: true })
  server.on('upgrade', (request, socket, head) => {
    if (request.url === '/deny') {
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno')
      return
    }
    if (request.url === '/long') {
      socket.end(`HTTP/1.1 403 Forbidden\r\nContent-Length: ${LONG_BYTES}\r\n\r\n${'x'.repeat(LONG_BYTES)}`)
      return
    }
    if (request.headers.upgrade !== 'websocket') {
      socket.end(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${request.headers.upgrade ?? ''}\r\n\r\nhi`,
      )
      return
    }
    sockets.handleUpgrade(request, socket, head, (ws) => {
      ws.on('message', (data) => ws.send(data, { binary: false }))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sockets,
    [Symbol.asyncDispose]: async () => {
      for (const ws of sockets.clients) ws.terminate()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function open(url: string): Promise<WebSocket> {
  const ws = new WebSocket(url)
  await once(ws, 'open')
  return ws
}

test('a WebSocket carries messages and holds its lease until it closes', async () => {
  await using tool = await echoTool()
  await using spillway = await startSpillway(`tools: { ws: { upstream: "${tool.url}", maxConcurrent: 1 } }`)
  const url = `${spillway.proxy.replace('http', 'ws')}/ws`
  const first = await open(url)
  first.send('hello')
  const [data] = (await once(first, 'message')) as [Buffer]
  assert.equal(data.toString(), 'hello')
  assert.equal((await spillway.lane('ws')).active_workers, 1)
  const second = new WebSocket(url)
  await eventually(async () => assert.equal((await spillway.lane('ws')).queue_depth, 1))
  first.close()
  await once(second, 'open')
  second.send('next')
  await once(second, 'message')
  second.close()
  await eventually(async () => assert.equal((await spillway.lane('ws')).active_workers, 0))
})

test('bytes renew the lease of a WebSocket, and silence closes it on both sides', async () => {
  await using tool = await echoTool()
  await using spillway = await startSpillway(`tools: { ws: { upstream: "${tool.url}", leaseSeconds: 0.6 } }`)
  const ws = await open(`${spillway.proxy.replace('http', 'ws')}/ws`)
  for (let i = 0; i < 5; i++) {
    await pause(300)
    ws.send('still here')
    await once(ws, 'message')
  }
  assert.equal((await spillway.lane('ws')).totals.reclaimed, 0)
  await once(ws, 'close')
  await eventually(async () =>
    assert.deepEqual([(await spillway.lane('ws')).active_workers, tool.sockets.clients.size], [0, 0]),
  )
  assert.equal((await spillway.lane('ws')).totals.reclaimed, 1)
})

test('a WebSocket that leaves while it waits frees its place, and one beyond a full queue is refused with the reason', async () => {
  await using tool = await echoTool()
  await using spillway = await startSpillway(
    `tools: { ws: { upstream: "${tool.url}", maxConcurrent: 1, maxQueueDepth: 1 } }`,
  )
  const url = `${spillway.proxy.replace('http', 'ws')}/ws`
  const first = await open(url)
  const waiting = new WebSocket(url)
  waiting.on('error', () => undefined)
  await eventually(async () => assert.equal((await spillway.lane('ws')).queue_depth, 1))
  const refused = new WebSocket(url)
  refused.on('error', () => undefined)
  const [, response] = (await once(refused, 'unexpected-response')) as [
    unknown,
    { statusCode: number; headers: Record<string, string> },
  ]
  assert.deepEqual([response.statusCode, response.headers['x-spillway-reason']], [429, 'QUEUE_SATURATED'])
  waiting.terminate()
  await eventually(async () => assert.equal((await spillway.lane('ws')).queue_depth, 0))
  first.close()
})

test("a tool's refusal of an upgrade reaches the caller, and the lease ends", async () => {
  await using tool = await echoTool()
  await using spillway = await startSpillway(`tools: { ws: { upstream: "${tool.url}" } }`)
  const answer = await exchange(
    spillway.proxyPort,
    'GET /ws/deny HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
  )
  assert.match(answer, /^HTTP\/1\.1 403[\s\S]*no$/)
  await eventually(async () => assert.equal((await spillway.lane('ws')).active_workers, 0))
})

test("a tool's long refusal of an upgrade reaches the caller whole", async () => {
  await using tool = await echoTool()
  await using spillway = await startSpillway(`tools: { ws: { upstream: "${tool.url}", leaseSeconds: 2 } }`)
  const answer = await exchange(
    spillway.proxyPort,
    'GET /ws/long HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  )
  assert.equal(answer.length - answer.indexOf('\r\n\r\n') - '\r\n\r\n'.length, LONG_BYTES)
  await eventually(async () => {
    const { active_workers, totals } = await spillway.lane('ws')
    assert.deepEqual([active_workers, totals.completed, totals.reclaimed], [0, 1, 0])
  })
})

test('other protocols are upgraded too, but not HTTP/2, whose requests would bypass the lane', async () => {
  await using tool = await echoTool()
  await using spillway = await startSpillway(`tools: { ws: { upstream: "${tool.url}" } }`)
  const ask = (protocol: string) =>
    exchange(
      spillway.proxyPort,
      `GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`,
    )
  assert.match(await ask('sandbox/1'), /^HTTP\/1\.1 101[\s\S]*Upgrade: sandbox\/1[\s\S]*hi$/)
  assert.match(await ask('h2c'), /^HTTP\/1\.1 403/)
})

test('connections that were upgraded, declined or refused do not delay a drain once they are closed', async () => {
  await using tool = await echoTool()
  await using spillway = await startSpillway(`tools: { ws: { upstream: "${tool.url}" } }`)
  const ws = await open(`${spillway.proxy.replace('http', 'ws')}/ws`)
  ws.close()
  await once(ws, 'close')
  for (const path of ['/ws/deny', '/nowhere']) {
    await exchange(
      spillway.proxyPort,
      `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    )
  }
  spillway.signal('SIGTERM')
  assert.equal(await spillway.exited, 0)
})
