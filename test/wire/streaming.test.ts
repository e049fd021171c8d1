/**
 * The data plane on real sockets: bodies stream in both directions, some headers cross the proxy and others do not, and a
 * lease ends when the tool goes silent or the caller leaves.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { test } from 'node:test'
import { eventually, pause } from '../support/eventually.ts'
import { after, fakeTool } from '../support/fake-tool.ts'
import { startSpillway } from '../support/process.ts'
import { exchange } from '../support/raw.ts'

async function read(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks)
}

test('an event stream passes unbuffered and keeps its lease as long as bytes flow', async () => {
  await using tool = await fakeTool(async (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    response.flushHeaders()
    for (let i = 0; i < 10; i++) {
      await pause(250)
      response.write(`data: ${i}\n\n`)
    }
    response.end()
  })
  await using spillway = await startSpillway(`tools: { sse: { upstream: "${tool.url}", leaseSeconds: 1 } }`)
  const startedAt = performance.now()
  const response = await fetch(`${spillway.proxy}/sse`)
  const headMs = performance.now() - startedAt
  const arrivals: number[] = []
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    assert.match(Buffer.from(chunk).toString(), /^data: \d\n\n$/)
    arrivals.push(performance.now())
  }
  assert.equal(arrivals.length, 10)
  // Each event arrived on its own, the last one long after the first.
  assert.ok((arrivals[9] ?? 0) - (arrivals[0] ?? 0) > 1500)
  assert.ok(headMs < (arrivals[0] ?? 0) - startedAt, 'the head came before the first event')
  const lane = await spillway.lane('sse')
  assert.deepEqual([lane.active_workers, lane.totals.completed, lane.totals.reclaimed], [0, 1, 0])
})

test('a tool that goes silent loses its lease, its caller gets 504, and the slot is free again', async () => {
  await using tool = await fakeTool((request) => void request.resume())
  await using spillway = await startSpillway(
    `tools: { mute: { upstream: "${tool.url}", maxConcurrent: 1, leaseSeconds: 0.6 } }`,
  )
  const first = await fetch(`${spillway.proxy}/mute`)
  assert.equal(first.status, 504)
  const body = (await first.json()) as Record<string, unknown>
  assert.deepEqual([body['reason'], body['not_executed']], ['LEASE_EXPIRED', false])
  await eventually(() => assert.equal(tool.seen.cut, 1))
  tool.answer = after(0)
  assert.equal((await fetch(`${spillway.proxy}/mute`)).status, 200)
  const lane = await spillway.lane('mute')
  assert.deepEqual([lane.active_workers, lane.totals.reclaimed], [0, 1])
  assert.match(await spillway.metrics(), /^spillway_leases_reclaimed_total\{tool="mute",cause="silent"\} 1$/m)
})

test('a stream that stalls in the middle is cut off, so that its caller sees that it is incomplete', async () => {
  await using tool = await fakeTool((_request, response) => {
    response.writeHead(200, { 'Content-Length': '100' })
    response.write('half')
  })
  await using spillway = await startSpillway(
    `tools: { stall: { upstream: "${tool.url}", leaseSeconds: 0.5 } }`,
  )
  const response = await fetch(`${spillway.proxy}/stall`)
  assert.equal(response.status, 200)
  await assert.rejects(response.text())
  await eventually(async () => assert.equal((await spillway.lane('stall')).active_workers, 0))
  assert.match(await spillway.metrics(), /^spillway_requests_total\{tool="stall",outcome="broken"\} 1$/m)
})

test('a caller that leaves cancels the call at the tool', async () => {
  await using tool = await fakeTool((request) => void request.resume())
  await using spillway = await startSpillway(`tools: { t: { upstream: "${tool.url}" } }`)
  const leaving = new AbortController()
  const left = fetch(`${spillway.proxy}/t`, { signal: leaving.signal })
  await eventually(() => assert.equal(tool.seen.active, 1))
  leaving.abort()
  await assert.rejects(left)
  await eventually(() => assert.deepEqual([tool.seen.active, tool.seen.cut], [0, 1]))
  await eventually(async () => assert.equal((await spillway.lane('t')).active_workers, 0))
})

test('with onClientGone: finish a call runs to its end after its caller has left', async () => {
  await using tool = await fakeTool(after(400))
  await using spillway = await startSpillway(
    `tools: { t: { upstream: "${tool.url}", onClientGone: finish } }`,
  )
  const leaving = new AbortController()
  const left = fetch(`${spillway.proxy}/t`, { signal: leaving.signal })
  await eventually(() => assert.equal(tool.seen.active, 1))
  leaving.abort()
  await assert.rejects(left)
  assert.equal((await spillway.lane('t')).active_workers, 1)
  await eventually(async () => assert.equal((await spillway.lane('t')).totals.completed, 1))
  assert.equal(tool.seen.cut, 0)
})

test('bodies stream both ways, byte for byte, chunked and with a length', async () => {
  await using tool = await fakeTool(async (request, response) => {
    response.writeHead(200, { 'X-Length': request.headers['content-length'] ?? 'none' })
    for await (const chunk of request as AsyncIterable<Buffer>) response.write(chunk)
    response.end()
  })
  await using spillway = await startSpillway(`tools: { echo: { upstream: "${tool.url}" } }`)
  const sent = Buffer.alloc(3_000_000, 'spillway-')
  for (const headers of [{ 'Content-Length': String(sent.length) }, { 'Transfer-Encoding': 'chunked' }]) {
    const request = httpRequest(`${spillway.proxy}/echo`, { method: 'POST', headers })
    request.end(sent)
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    assert.equal(response.headers['x-length'], headers['Content-Length'] ?? 'none')
    assert.ok((await read(response)).equals(sent))
  }
})

test('a caller that does not read stops the tool from sending, and the proxy buffers little', async () => {
  let written = 0
  await using tool = await fakeTool(async (_request, response) => {
    response.writeHead(200)
    for (let i = 0; i < 400 && !response.destroyed; i++) {
      written += 262_144
      if (!response.write(Buffer.alloc(262_144))) await once(response, 'drain').catch(() => undefined)
    }
    response.end()
  })
  await using spillway = await startSpillway(`tools: { big: { upstream: "${tool.url}" } }`)
  const request = httpRequest(`${spillway.proxy}/big`)
  request.end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  await pause(800)
  const stalledAt = written
  assert.ok(stalledAt < 30_000_000, `${stalledAt} bytes of 104857600 were taken from the tool`)
  await pause(200)
  assert.equal(written, stalledAt)
  assert.equal((await read(response)).length, 104_857_600)
})

test('hop-by-hop headers are dropped and the forwarding headers are added', async () => {
  let seen: IncomingHttpHeaders = {}
  await using tool = await fakeTool((request, response) => {
    seen = request.headers
    response.writeHead(200, {
      Connection: 'X-Secret',
      'X-Secret': '1',
      'X-Kept': 'yes',
      'Set-Cookie': ['a=1', 'b=2'],
    })
    response.end('ok')
  })
  await using spillway = await startSpillway(`tools: { t: { upstream: "${tool.url}/base" } }`)
  const answer = await exchange(
    spillway.proxyPort,
    'GET /t/a%2Fb?q=1 HTTP/1.1\r\nHost: agents.internal:8080\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nTE: trailers\r\n' +
      'X-Forwarded-For: 10.1.1.1\r\nX-Spillway-Priority: high\r\nX-Request-Id: abc-1\r\ntraceparent: 00-x\r\n' +
      'Idempotency-Key: k1\r\n\r\n',
  )
  assert.match(answer, /^HTTP\/1\.1 200/)
  assert.match(answer, /X-Kept: yes/)
  assert.match(answer, /X-Spillway-Tool: t/)
  assert.match(answer, /Server-Timing: queue;dur=[\d.]+, upstream;dur=[\d.]+/)
  assert.equal(answer.match(/Set-Cookie/g)?.length, 2)
  assert.doesNotMatch(answer, /X-Secret/)
  assert.equal(seen.host, `127.0.0.1:${tool.port}`)
  assert.equal(seen['x-forwarded-for'], '10.1.1.1, 127.0.0.1')
  assert.equal(seen['x-forwarded-proto'], 'http')
  assert.equal(seen['x-forwarded-host'], 'agents.internal:8080')
  assert.equal(seen.via, '1.1 spillway')
  assert.equal(seen['x-request-id'], 'abc-1')
  assert.equal(seen['traceparent'], '00-x')
  assert.equal(seen['idempotency-key'], 'k1')
  for (const gone of ['x-hop', 'te', 'x-spillway-priority']) assert.equal(seen[gone], undefined)
})

test('HEAD, 204, 304 and trailers pass unchanged', async () => {
  await using tool = await fakeTool((request, response) => {
    if (request.url === '/204') response.writeHead(204).end()
    else if (request.url === '/304') response.writeHead(304, { ETag: '"x"' }).end()
    else if (request.method === 'HEAD') response.writeHead(200, { 'Content-Length': '1234' }).end()
    else {
      response.writeHead(200, { Trailer: 'X-Sum' })
      response.write('body')
      response.addTrailers({ 'X-Sum': '42' })
      response.end()
    }
  })
  await using spillway = await startSpillway(`tools: { t: { upstream: "${tool.url}" } }`)
  const head = await fetch(`${spillway.proxy}/t`, { method: 'HEAD' })
  assert.deepEqual([head.status, head.headers.get('content-length')], [200, '1234'])
  assert.equal((await fetch(`${spillway.proxy}/t/204`)).status, 204)
  assert.equal((await fetch(`${spillway.proxy}/t/304`)).headers.get('etag'), '"x"')
  const answer = await exchange(spillway.proxyPort, 'GET /t HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  assert.match(answer, /4\r\nbody\r\n0\r\nX-Sum: 42\r\n\r\n$/i)
})

test('a caller that expects 100 Continue gets it only if its call is not refused', async () => {
  await using tool = await fakeTool(async (request, response) => {
    response.end(await read(request))
  })
  await using spillway = await startSpillway(`tools: { t: { upstream: "${tool.url}", maxBodyBytes: 10 } }`)
  const send = async (length: number) => {
    const headers = { Expect: '100-continue', 'Content-Length': String(length) }
    const request = httpRequest(`${spillway.proxy}/t`, { method: 'POST', headers })
    let wasAsked = false
    request.on('continue', () => {
      wasAsked = true
      request.end('x'.repeat(length))
    })
    request.flushHeaders()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    const body = (await read(response)).toString()
    request.destroy()
    return { status: response.statusCode, wasAsked, body, connection: response.headers.connection }
  }
  assert.deepEqual(await send(5), { status: 200, wasAsked: true, body: 'xxxxx', connection: 'keep-alive' })
  const refused = await send(11)
  assert.deepEqual([refused.status, refused.wasAsked, refused.connection], [413, false, 'close'])
})

test('a chunked body over maxBodyBytes is refused while it arrives, and the tool never gets it whole', async () => {
  let wholeBodies = 0
  await using tool = await fakeTool((request, response) => {
    request.resume().on('end', () => {
      wholeBodies++
      response.end('whole')
    })
  })
  await using spillway = await startSpillway(
    `tools: { t: { upstream: "${tool.url}", maxBodyBytes: 100000 } }`,
  )
  const request = httpRequest(`${spillway.proxy}/t`, {
    method: 'POST',
    headers: { 'Transfer-Encoding': 'chunked' },
  })
  request.write(Buffer.alloc(90_000))
  setTimeout(() => request.write(Buffer.alloc(20_000)), 100)
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  assert.equal(response.statusCode, 413)
  assert.equal((JSON.parse((await read(response)).toString()) as { reason: string }).reason, 'BODY_TOO_LARGE')
  request.destroy()
  await pause(50)
  assert.equal(wholeBodies, 0)
  await eventually(async () => assert.equal((await spillway.lane('t')).active_workers, 0))
})

test('pipelined requests are answered in order, and a caller that leaves cancels all of them', async () => {
  await using tool = await fakeTool(async (request, response) => {
    await pause(200)
    response.end(`<${request.url ?? ''}>`)
  })
  await using spillway = await startSpillway(`tools: { t: { upstream: "${tool.url}", maxConcurrent: 1 } }`)
  const get = (path: string, more = '') => `GET /t${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`
  const answer = await exchange(
    spillway.proxyPort,
    get('/1') + get('/2') + get('/3', 'Connection: close\r\n'),
  )
  assert.deepEqual(answer.match(/<.*?>/g), ['</1>', '</2>', '</3>'])
  const socket = connect(spillway.proxyPort, '127.0.0.1', () =>
    socket.write(get('/4') + get('/5') + get('/6')),
  )
  await eventually(() => assert.equal(tool.seen.active, 1))
  socket.destroy()
  await eventually(async () => assert.equal((await spillway.lane('t')).active_workers, 0))
  assert.equal(tool.seen.calls, 4)
  spillway.signal('SIGTERM')
  assert.equal(await spillway.exited, 0)
})
