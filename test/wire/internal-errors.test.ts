/**
 * Errors inside Spillway, injected by test/support/faults.ts at every boundary where a callback runs for a call. The
 * caller must get a true answer or a broken connection, the error must be counted and logged, and the process, its lanes
 * and the other calls must go on.
 */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after as afterAll, test } from 'node:test'
import { eventually } from '../support/eventually.ts'
import { byteTool } from '../support/byte-tool.ts'
import { fakeTool } from '../support/fake-tool.ts'
import { mcpTool } from '../support/mcp-tool.ts'
import { startSpillway } from '../support/process.ts'

const FAULTS = new URL('../support/faults.ts', import.meta.url).href
const env = { NODE_OPTIONS: `--import ${FAULTS}` }

const tool = await fakeTool(async (request, response) => {
  const url = request.url ?? ''
  request.resume()
  if (url.includes('mute')) return
  if (url.includes('503')) response.statusCode = 503
  if (url.includes('late')) await new Promise((resolve) => setTimeout(resolve, 50))
  if (url.includes('alone')) {
    response.flushHeaders()
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  if (url.includes('trailers')) response.setHeader('Trailer', 'X-T')
  response.write('first ')
  await new Promise((resolve) => setTimeout(resolve, 5))
  if (url.includes('trailers')) response.addTrailers({ 'X-T': '1' })
  response.end('last')
})
const switching = await byteTool((socket) =>
  socket.write(
    'HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: echo\r\nX-Boom: boom-switch\r\n\r\n',
  ),
)
const YAML = `
tools:
  t: { upstream: "${tool.url}", maxConcurrent: 8, leaseSeconds: 0.6 }
  narrow: { upstream: "${tool.url}", maxConcurrent: 1 }
  held: { upstream: "${tool.url}", retries: { max: 1, budgetRatio: 1 } }
  deaf: { upstream: "${tool.url}" }
  other: { upstream: "${tool.url}" }
  up: { upstream: "${switching.url}" }
`
const spillway = await startSpillway(YAML, { env })
afterAll(async () => {
  await spillway[Symbol.asyncDispose]()
  await tool[Symbol.asyncDispose]()
  await switching[Symbol.asyncDispose]()
})

async function errors(name: string): Promise<number> {
  const row = new RegExp(`^spillway_internal_errors_total\\{tool="${name}"\\} (\\d+)$`, 'm')
  return Number(row.exec(await spillway.metrics())?.[1] ?? 0)
}

interface Ended {
  readonly status: number | 'cut'
  readonly reason?: unknown
  readonly notExecuted?: unknown
  readonly text: string
}

async function ask(path: string, init: RequestInit = {}): Promise<Ended> {
  try {
    const response = await fetch(spillway.proxy + path, init)
    const text = await response.text()
    if (response.headers.get('x-spillway-reason') === null) return { status: response.status, text }
    const body = JSON.parse(text) as Record<string, unknown>
    return { status: response.status, reason: body['reason'], notExecuted: body['not_executed'], text }
  } catch {
    return { status: 'cut', text: '' }
  }
}

/**
 * Runs `run` beside a call in the same lane and one in another lane. Both must be served, the errors must be counted, and
 * no lease or ticket may be left.
 */
async function contained(lane: string, run: () => Promise<void>, counts = 1): Promise<void> {
  const before = await errors(lane)
  const neighbours = Promise.all([ask('/other/late'), ask(`/${lane === '-' ? 'other' : lane}/late`)])
  await run()
  for (const { status, text } of await neighbours) assert.deepEqual([status, text], [200, 'first last'])
  await eventually(async () => assert.ok((await errors(lane)) >= before + counts, 'the error is counted'))
  for (const name of ['t', 'narrow', 'held', 'deaf', 'other']) {
    await eventually(async () => {
      const { active_workers: active, queue_depth: depth } = await spillway.lane(name)
      assert.deepEqual([name, active, depth], [name, 0, 0])
    })
  }
  assert.match(await spillway.metrics(), /^spillway_leases_ended_twice_total\{tool="t"\} 0$/m)
}

const internal = (ended: Ended, notExecuted: boolean): void =>
  assert.deepEqual([ended.status, ended.reason, ended.notExecuted], [500, 'INTERNAL', notExecuted])

test('an error before the tool is called is 500 INTERNAL with not_executed true', async () => {
  await contained('-', async () => internal(await ask('/t/boom-route'), true))
  await contained('t', async () => internal(await ask('/t/boom-dispatch'), true))
  await contained('t', async () =>
    internal(await ask('/t/x', { headers: { 'X-Spillway-Ttl-Ms': '12345' } }), true),
  )
})

test('an error after the tool was called is 500 INTERNAL with not_executed false', async () => {
  await contained('t', async () => internal(await ask('/t/boom-answered'), false))
  await contained('t', async () => internal(await ask('/t/boom-head'), false))
  await contained('t', async () => internal(await ask('/t/boom-writeHead'), false))
})

test('an error after the response head closes the connection, so that the caller sees a broken answer', async () => {
  await contained('t', async () => assert.equal((await ask('/t/boom-write')).status, 'cut'))
  await contained('t', async () => assert.equal((await ask('/t/boom-end')).status, 'cut'))
  await contained('t', async () => assert.equal((await ask('/t/boom-flushHeaders-alone')).status, 'cut'))
  await contained('t', async () => assert.equal((await ask('/t/boom-addTrailers-trailers')).status, 'cut'))
})

test('an error after the whole answer was sent is only counted and logged', async () => {
  await contained('t', async () => assert.equal((await ask('/t/boom-finished')).text, 'first last'))
})

test('an error at any read of the clock ends only its own call', async () => {
  for (let nth = 1; nth <= 8; nth++) {
    const ended = await ask(`/t/boom-now-${nth}-trailers`, { method: 'POST', body: 'x'.repeat(100) })
    if (ended.reason === undefined) assert.ok(ended.status === 'cut' || ended.text === 'first last')
    else assert.equal(ended.reason, 'INTERNAL')
  }
  await eventually(async () => assert.equal((await spillway.lane('t')).active_workers, 0))
})

test("an error in a request body, in a call that waited or in Spillway's own answer is 500 INTERNAL", async () => {
  await contained('t', async () => {
    const { status, reason } = await ask('/t/x', { method: 'POST', body: 'boom-body' })
    assert.deepEqual([status, reason], [500, 'INTERNAL'])
  })
  await contained('narrow', async () => {
    const first = ask('/narrow/late')
    await eventually(async () => assert.equal((await spillway.lane('narrow')).active_workers, 1))
    internal(await ask('/narrow/boom-dispatch-2'), true)
    assert.equal((await first).status, 200)
  })
  await contained('-', async () => internal(await ask('/nowhere/boom-writeHead'), true))
})

test('an error while a lease is reclaimed or a caller leaves is counted, and the lease ends', async () => {
  await contained('t', async () => internal(await ask('/t/boom-refuse-mute'), false))
  await contained('t', async () => {
    await ask('/t/boom-leaving-mute', { signal: AbortSignal.timeout(100) })
  })
})

test('an error in a retry is 500 INTERNAL with not_executed false', async () => {
  await contained('held', async () => internal(await ask('/held/boom-again-503'), false))
})

test('an error in an upgrade closes the connection and ends its lease', async () => {
  const socket = connect(spillway.proxyPort, '127.0.0.1')
  socket.on('error', () => undefined).resume()
  socket.write('GET /up/x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
  await new Promise((resolve) => socket.on('close', resolve))
  await eventually(async () => assert.equal((await spillway.lane('up')).active_workers, 0))
  assert.equal(await errors('up'), 1)
})

test('a metric that throws disturbs neither the call nor the other counters', async () => {
  await contained('deaf', async () => assert.equal((await ask('/deaf/x')).text, 'first last'))
  assert.equal((await spillway.lane('deaf')).totals.completed, 2)
})

test('an error in the lease API or in the admin listener is answered 500', async () => {
  const post = (path: string) => fetch(`${spillway.admin}${path}`, { method: 'POST', body: '{}' })
  assert.equal((await post('/lanes/t/leases?boom-writeHead')).status, 500)
  assert.equal((await fetch(`${spillway.admin}/lanes?boom-writeHead`)).status, 500)
  assert.equal((await fetch(`${spillway.admin}/events?boom-writeHead`)).status, 500)
  await contained('-', async () => {
    assert.equal((await fetch(`${spillway.admin}/healthz?boom-writeHead`)).status, 500)
  })
})

test('the log of an internal error has the stack and no secret', () => {
  const lines = spillway.lines.filter((line) => line.includes('internal_error='))
  assert.ok(lines.length > 5)
  assert.ok(lines.every((line) => line.includes('level=error')))
  assert.match(lines.join('\n'), /stack="at .*faults\.ts/)
  assert.doesNotMatch(lines.join('\n'), /secret/)
})

test('an error in an MCP call is answered INTERNAL and ends its lease', async () => {
  await using server = await mcpTool()
  await using mcp = await startSpillway(
    `tools: { m: { upstream: "${server.url}", mcp: {}, controller: { algorithm: fixed } } }`,
    { env },
  )
  const call = (name: string) =>
    fetch(`${mcp.proxy}/m`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } }),
    })
  assert.match(await (await call('boom-mcp')).text(), /INTERNAL/)
  await eventually(async () => assert.equal((await mcp.lane('m')).active_workers, 0))
  assert.match(await mcp.metrics(), /^spillway_internal_errors_total\{tool="m"\} 1$/m)
})

test('an error outside any call ends the process with code 1, and the log says where', async () => {
  for (const signal of ['SIGUSR2', 'SIGWINCH'] as const) {
    await using fatal = await startSpillway(YAML, { env })
    fatal.signal(signal)
    assert.equal(await fatal.exited, 1)
    const line = fatal.lines.find((each) => each.includes('fatal=')) ?? ''
    assert.match(line, /level=error.*stack="at /)
    assert.doesNotMatch(line, /secret/)
  }
})
