/**
 * The process at its connection limit, started with few open files. The callers of one lane must not keep out those of
 * another lane. A refused caller gets an answer as long as a connection is left to send it on, and each refusal is
 * counted and logged.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Callers, statusOf } from '../support/callers.ts'
import { eventually, pause } from '../support/eventually.ts'
import { after, fakeTool } from '../support/fake-tool.ts'
import { answerAtOnce, callOf, mcpTool, post } from '../support/mcp-tool.ts'
import { startSpillway } from '../support/process.ts'
import type { Spillway } from '../support/process.ts'

function get(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`
}

async function refusedTotal(spillway: Spillway, listener: string, cause: string): Promise<number> {
  const line = `^spillway_connections_refused_total\\{listener="${listener}",cause="${cause}"\\} (\\d+)$`
  return Number(new RegExp(line, 'm').exec(await spillway.metrics())?.[1] ?? 0)
}

test("a lane with a deep queue is refused beyond its share of connections, and another lane's callers still get in", async () => {
  await using slow = await fakeTool(() => undefined)
  await using fast = await fakeTool(after(1))
  await using spillway = await startSpillway(
    `tools: { slow: { upstream: "${slow.url}", maxQueueDepth: 20000, maxConcurrent: 2 }, fast: { upstream: "${fast.url}" } }`,
    { openFiles: 256 },
  )
  assert.match(
    spillway.lines.join('\n'),
    /level=warn capacity=short msg=.*maxQueueDepth, of slow first.*ulimit -n/,
  )
  using callers = new Callers()
  for (let i = 0; i < 400; i++) {
    callers.open(spillway.proxyPort, get('/slow'))
    // Opened in steps, because a burst larger than the free connections is closed without an answer.
    if (i % 10 === 9) await pause(10)
  }
  await eventually(() => assert.ok(callers.all.filter((each) => statusOf(each) === 503).length > 200))
  for (let i = 0; i < 20; i++) {
    const answer = await fetch(`${spillway.proxy}/fast`, { headers: { connection: 'close' } })
    assert.equal(answer.status, 200)
  }
  const refused = callers.all.filter((each) => each.isClosed)
  assert.ok(callers.all.length - refused.length > 50, 'the lane keeps a usable share of the connections')
  for (const caller of refused) {
    assert.equal(statusOf(caller), 503)
    assert.match(caller.text, /"reason":"PROXY_OVERLOADED"/)
    assert.match(caller.text, /\r\nRetry-After: [1-9]\d*\r\n/)
    assert.match(caller.text, /"not_executed":true/)
  }
  assert.ok((await refusedTotal(spillway, 'proxy', 'share_used')) > 200)
  assert.match(await spillway.metrics(), /^spillway_connections\{listener="proxy",state="busy"\} \d+$/m)
  assert.match(await spillway.metrics(), /^spillway_refused_total\{tool="slow",reason="PROXY_OVERLOADED"/m)
  const log = spillway.lines.join('\n')
  assert.match(log, /level=warn tool=slow connections=refused listener=proxy cause=share_used/)
  assert.ok(spillway.lines.length < 60, 'the log is sampled')
})

test('idle connections are closed to make room for new requests', async () => {
  await using tool = await fakeTool(after(1))
  await using spillway = await startSpillway(`tools: { t: { upstream: "${tool.url}" } }`, { openFiles: 256 })
  using callers = new Callers()
  for (let i = 0; i < 20; i++) {
    const batch = Array.from({ length: 30 }, () => callers.open(spillway.proxyPort, get('/t')))
    await eventually(() => assert.ok(batch.every((caller) => statusOf(caller) === 200)))
  }
  assert.ok(callers.all.filter(({ isClosed }) => isClosed).length > 350)
  assert.equal(callers.all.at(-1)?.isClosed, false)
  assert.equal(await refusedTotal(spillway, 'proxy', 'no_room'), 0)
})

test('connections with no request or half a head are closed to make room for whole requests', async () => {
  await using tool = await fakeTool(after(1))
  await using spillway = await startSpillway(`tools: { t: { upstream: "${tool.url}" } }`, { openFiles: 256 })
  using callers = new Callers()
  for (let i = 0; i < 400; i++) callers.open(spillway.proxyPort, i % 2 === 0 ? '' : 'GET /t HTTP/1.1\r\nHo')
  await pause(400)
  for (let i = 0; i < 10; i++) assert.equal((await fetch(`${spillway.proxy}/t`)).status, 200)
  assert.ok((await refusedTotal(spillway, 'proxy', 'no_room')) > 100)
  assert.ok((await refusedTotal(spillway, 'proxy', 'gave_way')) > 0)
  assert.match(spillway.lines.join('\n'), /connections=refused listener=proxy cause=no_room open=\d+/)
})

test('connections that drip the body of a refused request are closed to make room for new requests', async () => {
  await using tool = await fakeTool(after(1))
  await using spillway = await startSpillway(`tools: { t: { upstream: "${tool.url}" } }`, { openFiles: 256 })
  using callers = new Callers()
  for (let i = 0; i < 300; i++) {
    callers.open(spillway.proxyPort, 'POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\nx')
    if (i % 10 === 9) await pause(20)
  }
  await pause(300)
  for (let i = 0; i < 10; i++) assert.equal((await fetch(`${spillway.proxy}/t`)).status, 200)
})

/** The environment that makes a process run `code` before its own. */
function preloaded(code: string): Readonly<Record<string, string>> {
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` }
}

test('open files that something else uses leave less room for callers, and the log says so', async () => {
  await using tool = await fakeTool(after(500))
  await using spillway = await startSpillway(
    `tools: { t: { upstream: "${tool.url}", maxConcurrent: 60, controller: { algorithm: fixed } } }`,
    {
      openFiles: 160,
      env: preloaded("import fs from 'node:fs'; for (let i = 0; i < 90; i++) fs.openSync('/dev/null')"),
    },
  )
  using callers = new Callers()
  for (let i = 0; i < 60; i++) callers.open(spillway.proxyPort, get('/t'))
  await eventually(() => assert.ok(callers.all.every((each) => each.isClosed || statusOf(each) > 0)))
  const statuses = callers.all.map(statusOf)
  assert.ok(statuses.includes(200))
  for (const each of callers.all.filter((caller) => ![0, 200].includes(statusOf(caller))))
    assert.match(each.text, /"reason":"PROXY_OVERLOADED"/)
  await eventually(async () => assert.ok((await refusedTotal(spillway, 'proxy', 'open_files')) > 0))
  assert.match(spillway.lines.join('\n'), /connections=refused listener=proxy cause=open_files/)
  await eventually(async () =>
    assert.equal((await spillway.lane('t')).totals.refused['UPSTREAM_UNREACHABLE'], undefined),
  )
})

test('a connection to the tool that fails for lack of open files is PROXY_OVERLOADED, not an error of the tool', async () => {
  await using tool = await fakeTool(after(1))
  const grabAll =
    "import fs from 'node:fs'; process.on('SIGUSR2', () => { try { for (;;) fs.openSync('/dev/null') } catch {} })"
  await using spillway = await startSpillway(`tools: { t: { upstream: "${tool.url}" } }`, {
    openFiles: 160,
    env: preloaded(grabAll),
  })
  using callers = new Callers()
  const caller = callers.open(spillway.proxyPort, get('/nowhere'))
  await eventually(() => assert.equal(statusOf(caller), 404))
  // This opens a connection that is kept alive, so that the figures can later be read without another file.
  assert.equal((await spillway.lane('t')).error_rate, 0)
  caller.text = ''
  spillway.signal('SIGUSR2')
  await pause(100)
  caller.socket.write(get('/t'))
  await eventually(() => assert.equal(statusOf(caller), 503))
  assert.match(caller.text, /"reason":"PROXY_OVERLOADED".*"not_executed":true/)
  await eventually(() => assert.match(spillway.lines.join('\n'), /tool=t .*reason=PROXY_OVERLOADED/))
  assert.equal((await spillway.lane('t')).error_rate, 0)
})

test('a burst far over the connection limit is answered or closed and counted, and is not an error of the tool', async () => {
  await using tool = await fakeTool(after(30))
  await using spillway = await startSpillway(
    `tools: { t: { upstream: "${tool.url}", maxQueueDepth: 2000, maxConcurrent: 200 } }`,
    { openFiles: 128 },
  )
  using callers = new Callers()
  for (let i = 0; i < 600; i++) callers.open(spillway.proxyPort, get('/t'))
  await eventually(() => assert.ok(callers.all.every((each) => each.isClosed || statusOf(each) > 0)))
  const statuses = new Set(callers.all.map(statusOf))
  assert.ok(statuses.has(200))
  for (const status of statuses) assert.ok([0, 200, 429, 503].includes(status), `${status}`)
  const cut = callers.all.filter((each) => statusOf(each) === 0).length
  assert.ok(cut < 200, `${cut} of 600 got no answer`)
  const lane = await spillway.lane('t')
  assert.equal(lane.totals.refused['UPSTREAM_UNREACHABLE'], undefined)
  assert.equal(lane.error_rate, 0)
  assert.ok((await refusedTotal(spillway, 'proxy', 'no_room')) > 0)
  assert.equal((await fetch(`${spillway.proxy}/t`)).status, 200)
})

test("streams of an MCP server leave connections for its calls, and a deep MCP lane leaves some for the server's other lanes", async () => {
  await using tool = await mcpTool((received, response) => {
    if (received.message.method === 'tools/call' && JSON.stringify(received.message).includes('"fast"'))
      answerAtOnce(received, response)
  })
  await using spillway = await startSpillway(
    `
tools:
  server: { upstream: "${tool.url}", mcp: {} }
  deep: { mcp: { server: server, tools: [slow] }, maxQueueDepth: 20000, maxConcurrent: 1 }
  fast: { mcp: { server: server, tools: [fast] } }
`,
    { openFiles: 256 },
  )
  using callers = new Callers()
  const body = JSON.stringify(callOf(1, 'slow'))
  const head =
    'Host: 127.0.0.1\r\nAccept: application/json, text/event-stream\r\nContent-Type: application/json\r\n'
  const crowds = [
    `GET /server HTTP/1.1\r\n${head}\r\n`,
    `POST /server HTTP/1.1\r\n${head}Content-Length: ${body.length}\r\n\r\n${body}`,
  ]
  for (const bytes of crowds) {
    for (let i = 0; i < 150; i++) {
      callers.open(spillway.proxyPort, bytes)
      if (i % 10 === 9) await pause(15)
    }
    await pause(300)
    const answers = await Promise.all(
      [2, 3, 4].map((id) => post(`${spillway.proxy}/server`, callOf(id, 'fast'))),
    )
    for (const answer of answers) assert.equal(answer.headers.get('x-spillway-reason'), null)
  }
  const refused = (await spillway.lane('deep')).totals.refused
  assert.ok((refused['PROXY_OVERLOADED'] ?? 0) > 50)
  assert.ok(((await spillway.lane('server')).totals.refused['PROXY_OVERLOADED'] ?? 0) > 50)
})

test('after broken, aborted and refused connections a lane can still use its whole share', async () => {
  let isHolding = false
  await using tool = await fakeTool((request, response) => {
    request.resume()
    if (isHolding) return
    if (request.headers.upgrade !== undefined) request.socket.destroy()
    else if (request.url?.includes('break') === true) response.destroy()
    else setTimeout(() => response.end('done'), 5)
  })
  await using spillway = await startSpillway(
    `tools: { t: { upstream: "${tool.url}", maxConcurrent: 40, maxQueueDepth: 400, controller: { algorithm: fixed }, retries: { max: 1 } } }`,
    { openFiles: 256 },
  )
  using callers = new Callers()
  const host = 'Host: x\r\n'
  const kinds = [
    get('/t'),
    get('/t') + get('/t/break') + get('/nowhere'),
    get('/t/break'),
    `POST /t HTTP/1.1\r\n${host}Content-Length: 4\r\nExpect: 100-continue\r\n\r\n`,
    `POST /t HTTP/1.1\r\n${host}Content-Length: 4\r\n\r\nab`,
    `GET /t HTTP/1.1\r\n${host}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    `POST /t HTTP/1.1\r\n${host}Content-Length: 999999999\r\n\r\nab`,
    `CONNECT t:80 HTTP/1.1\r\n${host}\r\n`,
    'GET /t HTTP/1.1\r\n\r\n',
  ]
  for (let i = 0; i < 600; i++) {
    const caller = callers.open(spillway.proxyPort, kinds[i % kinds.length] ?? '')
    setTimeout(() => caller.socket.destroy(), (i * 7) % 60)
    if (i % 20 === 19) await pause(20)
  }
  await eventually(async () => {
    assert.ok(callers.all.every(({ isClosed }) => isClosed))
    assert.match(await spillway.metrics(), /^spillway_connections\{listener="proxy",state="busy"\} 0$/m)
  })
  isHolding = true
  const held = Array.from({ length: 120 }, () => callers.open(spillway.proxyPort, get('/t')))
  await eventually(async () => {
    const { active_workers: active, queue_depth: waiting } = await spillway.lane('t')
    assert.deepEqual([active, active + waiting], [40, 120])
  })
  assert.ok(held.every((each) => !each.isClosed))
})
