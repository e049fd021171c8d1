/**
 * Callers that send their body slowly or read their answer slowly. A caller holds no lease while its body is read ahead,
 * and a caller below the least pace loses its connection, and its lease if it has one.
 */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { after as afterAll, test } from 'node:test'
import { Callers, statusOf } from '../support/callers.ts'
import { eventually, pause } from '../support/eventually.ts'
import { fakeTool } from '../support/fake-tool.ts'
import { startSpillway } from '../support/process.ts'

const env = { NODE_OPTIONS: `--import ${new URL('../support/hurry.ts', import.meta.url).href}` }
/** Bytes: more than the proxy reads before it asks for a lease. */
const AHEAD = 1_100_000

const seen: { path: string; bytes: number }[] = []
const tool = await fakeTool(async (request, response) => {
  const path = request.url ?? ''
  let bytes = 0
  if (path.includes('late')) await pause(1800)
  if (path.includes('mute')) return undefined
  for await (const chunk of request as AsyncIterable<Buffer>) bytes += chunk.length
  seen.push({ path, bytes })
  if (!path.includes('long')) return response.end(String(bytes))
  // The answer goes on until the proxy closes the connection.
  while (!response.destroyed) if (!response.write(Buffer.alloc(65_536))) await pause(5)
  return undefined
})
const spillway = await startSpillway(
  `
tools:
  t: { upstream: "${tool.url}", maxConcurrent: 2 }
  full: { upstream: "${tool.url}", maxConcurrent: 1, maxQueueDepth: 0 }
  one: { upstream: "${tool.url}", maxConcurrent: 1 }
  small: { upstream: "${tool.url}", maxBodyBytes: 1000 }
`,
  { env },
)
afterAll(async () => {
  await spillway[Symbol.asyncDispose]()
  await tool[Symbol.asyncDispose]()
})

interface Caller {
  readonly socket: Socket
  answer(): string
  readonly closed: Promise<void>
}

function caller(path: string, head: string): Caller {
  const socket = connect(spillway.proxyPort, '127.0.0.1')
  let answer = ''
  socket.on('error', () => undefined)
  socket.on('data', (chunk) => (answer += chunk.toString('latin1')))
  socket.write(`POST ${path} HTTP/1.1\r\nHost: a\r\n${head}\r\n\r\n`)
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
  return { socket, answer: () => answer, closed }
}

/** Sends `bytes` bytes every 50 ms until the connection is closed. */
function drip({ socket }: Caller, bytes: number): void {
  const timer = setInterval(() => socket.write(Buffer.alloc(bytes, 'x')), 50)
  socket.on('close', () => clearInterval(timer))
}

function refusal(answer: string): unknown[] {
  const [head = '', body = ''] = answer.slice(answer.indexOf('HTTP/1.1 4')).split('\r\n\r\n')
  const said = JSON.parse(body) as Record<string, unknown>
  return [
    Number(head.slice(9, 12)),
    said['reason'],
    said['not_executed'],
    /\r\nconnection: close/i.test(head),
  ]
}

const idle = (lane: string) =>
  eventually(async () => {
    const { active_workers: active, queue_depth: depth } = await spillway.lane(lane)
    assert.deepEqual([active, depth], [0, 0])
  })

test('a caller that drips its body holds no lease, and is answered 408 below the least pace', async () => {
  const before = tool.seen.calls
  const drippers = Array.from({ length: 8 }, (_, i) =>
    caller('/one/drip', i % 2 === 0 ? 'Content-Length: 100000' : 'Transfer-Encoding: chunked'),
  )
  for (const [i, each] of drippers.entries()) {
    if (i % 2 === 0) drip(each, 1)
    else each.socket.write('5\r\nhello\r\n')
  }
  await pause(100)
  for (let i = 0; i < 3; i++) {
    assert.equal((await spillway.lane('one')).active_workers, 0)
    const response = await fetch(`${spillway.proxy}/one/quick`, { method: 'POST', body: 'hello' })
    assert.equal(await response.text(), '5')
  }
  for (const each of drippers) {
    await eventually(() => assert.match(each.answer(), /\r\n\r\n\{.*\}\n$/s))
    assert.deepEqual(refusal(each.answer()), [408, 'REQUEST_TIMEOUT', true, true])
    each.socket.destroy()
  }
  assert.equal(tool.seen.calls - before, 3, 'no dripped body reached the tool')
  await idle('one')
})

test('a streamed body below the least pace loses its lease, and that is not an error of the tool', async () => {
  const slow = caller('/t/stream', 'Content-Length: 3000000')
  slow.socket.write(Buffer.alloc(AHEAD))
  await eventually(async () => assert.equal((await spillway.lane('t')).active_workers, 1))
  drip(slow, 1)
  await eventually(() => assert.match(slow.answer(), /\r\n\r\n\{.*\}\n$/s))
  assert.deepEqual(refusal(slow.answer()), [408, 'REQUEST_TIMEOUT', false, true])
  slow.socket.destroy()
  await idle('t')
  assert.equal((await spillway.lane('t')).error_rate, 0)
})

test('a slow body above the least pace is forwarded to its end', async () => {
  const steady = caller('/t/steady', `Content-Length: ${AHEAD + 400_000}`)
  steady.socket.write(Buffer.alloc(AHEAD))
  for (let i = 0; i < 20; i++) {
    await pause(70)
    steady.socket.write(Buffer.alloc(20_000))
  }
  await eventually(() => assert.match(steady.answer(), new RegExp(`\r\n\r\n${AHEAD + 400_000}$`)))
  steady.socket.destroy()
})

test("time in which the tool does not read does not count towards the caller's pace", async () => {
  const body = Buffer.alloc(30_000_000)
  const response = await fetch(`${spillway.proxy}/t/late`, { method: 'POST', body })
  assert.equal(await response.text(), '30000000')
})

test('bodies of any length and framing reach the tool whole', async () => {
  for (const length of [0, 1, 1000, 65_536, 1_048_575, 1_048_576, 1_048_577, 5_000_000]) {
    const body = Buffer.alloc(length, 'abc')
    const sized = await fetch(`${spillway.proxy}/t/sized`, { method: 'POST', body })
    assert.equal(await sized.text(), String(length))
    const stream = new ReadableStream({
      start(controller) {
        if (length > 0) controller.enqueue(body)
        controller.close()
      },
    })
    const chunked = await fetch(`${spillway.proxy}/t/chunked`, {
      method: 'POST',
      body: stream,
      duplex: 'half',
    })
    assert.equal(await chunked.text(), String(length))
  }
  const tiny = caller('/t/tiny', 'Transfer-Encoding: chunked')
  tiny.socket.write('1\r\nx\r\n'.repeat(20_000))
  tiny.socket.write('0\r\n\r\n')
  await eventually(() => assert.match(tiny.answer(), /20000/))
  tiny.socket.destroy()
})

test('a chunked body over maxBodyBytes that is read ahead never reaches the tool', async () => {
  const before = tool.seen.calls
  const large = caller('/small/x', 'Transfer-Encoding: chunked')
  large.socket.write(`400\r\n${'x'.repeat(1024)}\r\n`)
  await eventually(() => assert.match(large.answer(), /\r\n\r\n\{.*\}\n$/s))
  assert.deepEqual(refusal(large.answer()).slice(0, 3), [413, 'BODY_TOO_LARGE', true])
  large.socket.destroy()
  assert.equal(tool.seen.calls, before)
})

test('a call that the lane refuses is not asked for its body, and a call that may wait is', async () => {
  const holding = new AbortController()
  for (const lane of ['full', 'one'])
    void fetch(`${spillway.proxy}/${lane}/mute`, { signal: holding.signal }).catch(() => undefined)
  for (const lane of ['full', 'one'])
    await eventually(async () => assert.equal((await spillway.lane(lane)).active_workers, 1))
  const refused = caller('/full/x', 'Content-Length: 5\r\nExpect: 100-continue')
  const unasked = caller('/full/x', 'Content-Length: 2000000')
  for (const each of [refused, unasked]) {
    await eventually(() => assert.match(each.answer(), /QUEUE_SATURATED/))
    assert.doesNotMatch(each.answer(), /100 Continue/)
    each.socket.destroy()
  }
  const waiting = caller('/one/x', 'Content-Length: 5\r\nExpect: 100-continue')
  await eventually(() => assert.match(waiting.answer(), /^HTTP\/1.1 100 Continue\r\n\r\n$/))
  assert.equal(
    (await spillway.lane('one')).queue_depth,
    0,
    'a call enters the queue only once its body is whole',
  )
  waiting.socket.write('hello')
  await eventually(async () => assert.equal((await spillway.lane('one')).queue_depth, 1))
  holding.abort()
  await eventually(() => assert.match(waiting.answer(), /200 OK[^]*\r\n\r\n5/))
  waiting.socket.destroy()
})

test('callers that leave in the middle of a body leave no lease and no ticket', async () => {
  const { cancelled } = (await spillway.lane('t')).totals
  for (const bytes of [0, 10, AHEAD]) {
    const leaving = caller('/t/leaves', 'Content-Length: 3000000')
    leaving.socket.write(Buffer.alloc(bytes))
    await pause(50)
    leaving.socket.destroy()
  }
  await idle('t')
  await eventually(async () => assert.equal((await spillway.lane('t')).totals.cancelled - cancelled, 1))
  const row = /^spillway_requests_total\{tool="t",outcome="cancelled"\} (\d+)$/m
  await eventually(async () => assert.ok(Number(row.exec(await spillway.metrics())?.[1]) >= 3))
})

test('a caller that does not read a long answer loses its lease', async () => {
  const socket = connect(spillway.proxyPort, '127.0.0.1')
  socket.on('error', () => undefined).pause()
  socket.write('GET /one/long HTTP/1.1\r\nHost: a\r\n\r\n')
  await eventually(async () => assert.equal((await spillway.lane('one')).active_workers, 1))
  await idle('one')
  assert.equal((await spillway.lane('one')).error_rate, 0)
  socket.destroy()
})

test('callers that stop just before the end of large bodies hold no lease, and the oldest are refused when memory runs short', async () => {
  await using unhurried = await startSpillway(
    `tools: { t: { upstream: "${tool.url}", maxConcurrent: 2, controller: { algorithm: fixed } } }`,
  )
  using crowd = new Callers()
  const head = 'POST /t HTTP/1.1\r\nHost: a\r\n'
  for (let i = 0; i < 30; i++)
    crowd.open(unhurried.proxyPort, `${head}Content-Length: 1000000\r\n\r\n${'x'.repeat(999_000)}`)
  await eventually(() => assert.ok(crowd.all.filter((each) => statusOf(each) === 503).length >= 5))
  const refused = crowd.all.find((each) => statusOf(each) === 503)
  assert.match(refused?.text ?? '', /"reason":"PROXY_OVERLOADED".*"not_executed":true/)
  for (let i = 0; i < 8; i++) crowd.open(unhurried.proxyPort, `${head}Content-Length: 100\r\n\r\nx`)
  await pause(200)
  assert.equal((await unhurried.lane('t')).active_workers, 0)
  const answer = await fetch(`${unhurried.proxy}/t`, {
    method: 'POST',
    body: 'small',
    signal: AbortSignal.timeout(5000),
  })
  assert.equal(answer.status, 200)
  assert.deepEqual((await unhurried.lane('t')).totals.admitted, 1)
})
