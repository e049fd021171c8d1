/**
 * Faults of tools and callers, seen from outside: the answer, the lane and its totals. After each fault no call may be
 * left running or waiting, and no other tool may be affected.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer as createTcpServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { test } from 'node:test'
import { eventually, pause } from '../support/eventually.ts'
import { after, fakeTool } from '../support/fake-tool.ts'
import { startSpillway } from '../support/process.ts'

/** A tool that writes raw bytes: `onRequest` gets the socket and the number of the request on it, from 1. */
async function rawTool(onRequest: (socket: Socket, nth: number) => void) {
  let connections = 0
  const sockets = new Set<Socket>()
  const server = createTcpServer((socket) => {
    connections++
    sockets.add(socket)
    let nth = 0
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      if (chunk.includes('HTTP/1.1\r\n')) onRequest(socket, ++nth)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => connections,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

async function reasonOf(response: Response): Promise<[number, unknown, unknown]> {
  const body = (await response.json()) as Record<string, unknown>
  return [response.status, body['reason'], body['not_executed']]
}

test('a tool that cannot be reached is 502 UPSTREAM_UNREACHABLE with not_executed true', async () => {
  await using gone = await fakeTool(after(0))
  const { url } = gone
  await gone[Symbol.asyncDispose]()
  await using spillway = await startSpillway(`tools: { t: { upstream: "${url}" } }`)
  assert.deepEqual(await reasonOf(await fetch(`${spillway.proxy}/t`)), [502, 'UPSTREAM_UNREACHABLE', true])
  const lane = await spillway.lane('t')
  assert.deepEqual([lane.active_workers, lane.totals.failed], [0, 1])
})

test('a tool that closes the connection, or answers something that is not HTTP, is 502 UPSTREAM_FAILED', async () => {
  await using tool = await rawTool((socket) => socket.destroy())
  await using nonsense = await rawTool((socket) => socket.end('this is no HTTP\r\n\r\n'))
  await using spillway = await startSpillway(
    `tools: { t: { upstream: "${tool.url}" }, n: { upstream: "${nonsense.url}" } }`,
  )
  assert.deepEqual(await reasonOf(await fetch(`${spillway.proxy}/t`)), [502, 'UPSTREAM_FAILED', false])
  assert.equal(tool.connections(), 1, 'a request that failed on a fresh connection is not sent again')
  assert.deepEqual(await reasonOf(await fetch(`${spillway.proxy}/n`)), [502, 'UPSTREAM_FAILED', false])
  assert.equal((await spillway.lane('t')).active_workers, 0)
})

test('a kept-alive connection that the tool has closed is not used again, and no POST is sent twice', async () => {
  const paths: number[] = []
  await using tool = await rawTool((socket, nth) => {
    paths.push(nth)
    if (nth === 1) socket.write(OK)
    else socket.end()
  })
  await using polite = await rawTool((socket) => socket.end(OK))
  await using spillway = await startSpillway(
    `tools: { t: { upstream: "${tool.url}" }, p: { upstream: "${polite.url}" } }`,
  )
  for (let i = 0; i < 3; i++) assert.equal((await fetch(`${spillway.proxy}/p`)).status, 200)
  assert.equal((await fetch(`${spillway.proxy}/t`)).status, 200)
  await pause(50)
  const posted = await fetch(`${spillway.proxy}/t`, { method: 'POST', body: 'x' })
  assert.deepEqual(await reasonOf(posted), [502, 'UPSTREAM_FAILED', false])
  assert.deepEqual(paths, [1, 2])
})

test("a tool's early answer reaches a caller that reads nothing before it has sent its whole body", async () => {
  await using tool = await fakeTool((_request, response) => response.writeHead(413).end('too much'))
  await using spillway = await startSpillway(
    `tools: { t: { upstream: "${tool.url}" }, small: { upstream: "${tool.url}", maxBodyBytes: 100000 } }`,
  )
  const send = (path: string, head: string, body: Buffer) =>
    new Promise<string>((resolve, reject) => {
      let answer = ''
      const socket = connect(spillway.proxyPort, '127.0.0.1')
      socket.on('error', reject)
      // A blocking client reads nothing until everything is sent.
      socket.pause()
      socket.write(`POST ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${head}\r\n\r\n`)
      socket.write(body, () => socket.resume())
      socket.on('data', (chunk) => (answer += chunk.toString()))
      socket.on('close', () => resolve(answer))
    })
  const large = Buffer.alloc(20_000_000)
  assert.match(await send('/t', `Content-Length: ${large.length}`, large), /^HTTP\/1\.1 413[\s\S]*too much/)
  const chunked = Buffer.concat([
    Buffer.from('f4240\r\n'),
    Buffer.alloc(1_000_000),
    Buffer.from('\r\n0\r\n\r\n'),
  ])
  assert.match(
    await send('/small', 'Transfer-Encoding: chunked', chunked),
    /^HTTP\/1\.1 413[\s\S]*(?:BODY_TOO_LARGE|too much)/,
  )
  await eventually(async () => assert.equal((await spillway.lane('small')).active_workers, 0))
})

test('an upload that the tool stops reading is an error of the tool; one that the caller stops sending is not', async () => {
  await using tool = await rawTool((socket) => socket.pause())
  await using reader = await fakeTool((request) => void request.resume())
  await using spillway = await startSpillway(
    `tools: { t: { upstream: "${tool.url}", leaseSeconds: 0.6 }, reads: { upstream: "${reader.url}", leaseSeconds: 0.6 } }`,
  )
  const errorRate = async (lane: string) => (await spillway.lane(lane)).error_rate
  const stalled = connect(spillway.proxyPort, '127.0.0.1')
  stalled.on('error', () => undefined)
  // More than the proxy reads ahead, because a smaller body takes a lease only once it is whole.
  stalled.write('POST /reads HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n')
  stalled.write(Buffer.alloc(1_500_000))
  await eventually(async () => assert.equal((await spillway.lane('reads')).totals.reclaimed, 1))
  assert.equal(await errorRate('reads'), 0)
  stalled.destroy()
  const hung = await fetch(`${spillway.proxy}/t`, { method: 'POST', body: Buffer.alloc(20_000_000) })
  assert.equal(hung.status, 504)
  assert.equal(await errorRate('t'), 1)
})

test('a second signal during a drain refuses the waiting calls as DRAINING with not_executed true', async () => {
  await using tool = await fakeTool((request) => void request.resume())
  await using spillway = await startSpillway(`tools: { t: { upstream: "${tool.url}", maxConcurrent: 1 } }`)
  const running = assert.rejects(fetch(`${spillway.proxy}/t`))
  await eventually(() => assert.equal(tool.seen.active, 1))
  const waiting = fetch(`${spillway.proxy}/t`)
  await eventually(async () => assert.equal((await spillway.lane('t')).queue_depth, 1))
  spillway.signal('SIGTERM')
  await pause(200)
  spillway.signal('SIGTERM')
  assert.deepEqual(await reasonOf(await waiting), [503, 'DRAINING', true])
  await running
  assert.equal(await spillway.exited, 5)
  assert.equal(tool.seen.calls, 1)
})

test("the tool's own 429 passes through unchanged and carries none of Spillway's headers for refusals", async () => {
  await using tool = await fakeTool((_request, response) => {
    response.writeHead(429, { 'Retry-After': '120', 'X-RateLimit-Remaining': '0' }).end('slow down')
  })
  await using spillway = await startSpillway(`tools: { t: { upstream: "${tool.url}" } }`)
  const response = await fetch(`${spillway.proxy}/t`)
  assert.equal(response.status, 429)
  assert.equal(response.headers.get('retry-after'), '120')
  assert.equal(response.headers.get('x-spillway-reason'), null)
  assert.equal(response.headers.get('retry-after-ms'), null)
  assert.equal(await response.text(), 'slow down')
})

test('a stuck tool delays no call of another tool', async () => {
  await using stuck = await fakeTool((request) => void request.resume())
  await using healthy = await fakeTool(after(5))
  await using spillway = await startSpillway(`
tools:
  stuck: { upstream: "${stuck.url}", maxConcurrent: 4, maxQueueDepth: 50, ttlSeconds: 20, leaseSeconds: 20 }
  healthy: { upstream: "${healthy.url}", maxConcurrent: 4 }
`)
  const leaving = new AbortController()
  const blocked = Array.from({ length: 54 }, () =>
    fetch(`${spillway.proxy}/stuck`, { signal: leaving.signal }).catch(() => 'left'),
  )
  await eventually(async () => assert.equal((await spillway.lane('stuck')).queue_depth, 50))
  const waits: number[] = []
  for (let i = 0; i < 40; i++) {
    const response = await fetch(`${spillway.proxy}/healthy`)
    assert.equal(response.status, 200)
    waits.push(Number(/queue;dur=([\d.]+)/.exec(response.headers.get('server-timing') ?? '')?.[1]))
    await response.text()
  }
  // A wait of 0 ms means that the call got its lease at once.
  assert.deepEqual(
    waits.filter((ms) => ms > 0),
    [],
  )
  assert.equal((await spillway.lane('healthy')).totals.completed, 40)
  leaving.abort()
  await Promise.all(blocked)
  await eventually(async () => {
    const lane = await spillway.lane('stuck')
    assert.deepEqual([lane.active_workers, lane.queue_depth, lane.totals.cancelled], [0, 0, 54])
  })
})

test('after callers left at every stage of their calls, nothing runs or waits and the totals add up', async () => {
  await using tool = await fakeTool(async (request, response) => {
    request.resume()
    await once(request, 'end')
    await pause(30)
    response.write('x'.repeat(1000))
    await pause(30)
    response.end('y'.repeat(1000))
  })
  await using spillway = await startSpillway(
    `tools: { t: { upstream: "${tool.url}", maxConcurrent: 4, maxQueueDepth: 10 } }`,
  )
  const settled = await Promise.all(
    Array.from({ length: 200 }, async (_, i) => {
      await pause((i % 40) * 20)
      const signal = AbortSignal.timeout(5 + ((i * 37) % 150))
      const init = i % 2 === 0 ? { signal } : { signal, method: 'POST', body: Buffer.alloc(20_000) }
      return fetch(`${spillway.proxy}/t`, init)
        .then((response) => response.text())
        .then(() => 'answered')
        .catch(() => 'left')
    }),
  )
  assert.ok(new Set(settled).size === 2, 'some were answered and some left')
  await eventually(async () => {
    const { active_workers: active, queue_depth: depth, totals } = await spillway.lane('t')
    assert.deepEqual([active, depth], [0, 0])
    const { admitted, completed, failed, reclaimed, cancelled, refused } = totals
    assert.equal(admitted, completed + failed + reclaimed + cancelled + (refused['QUEUE_TTL_EXPIRED'] ?? 0))
  })
  await eventually(() => assert.equal(tool.seen.active, 0))
  assert.match(await spillway.metrics(), /^spillway_leases_ended_twice_total\{tool="t"\} 0$/m)
})

test('an endless answer is cut off once its caller has left, even in a lane that finishes calls without their caller', async () => {
  await using tool = await fakeTool((request, response) => {
    request.resume()
    response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    const flood = (): void => {
      while (!response.destroyed && response.write('data: x\n\n'.repeat(5000)));
    }
    response.on('drain', flood)
    flood()
  })
  await using spillway = await startSpillway(`
tools:
  plain: { upstream: "${tool.url}", onClientGone: finish }
  mcp: { upstream: "${tool.url}", mcp: {} }
`)
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'x' } })
  const headers = { 'Content-Type': 'application/json' }
  const lanes = ['plain', 'mcp']
  for (const lane of lanes) {
    const leaving = new AbortController()
    const { signal } = leaving
    const { status } = await fetch(`${spillway.proxy}/${lane}`, { method: 'POST', body, headers, signal })
    assert.equal(status, 200)
    leaving.abort()
  }
  await eventually(async () => {
    const [plain, mcp] = await Promise.all(lanes.map((lane) => spillway.lane(lane)))
    assert.deepEqual([plain?.active_workers, mcp?.active_workers, tool.seen.active], [0, 0, 0])
    assert.deepEqual([plain?.totals.cancelled, mcp?.totals.cancelled], [1, 1])
  })
})
