/**
 * MCP lanes on real sockets: the lane of a call, messages that take no lane, and the refusals that a model reads.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '../support/eventually.ts'
import { answerAtOnce, answerOf, callOf, json, mcpTool, post } from '../support/mcp-tool.ts'
import type { McpTool, Received } from '../support/mcp-tool.ts'
import { startSpillway } from '../support/process.ts'
import { sharedSpillway } from '../support/shared-spillway.ts'
import type { Share } from '../support/shared-spillway.ts'

const share = sharedSpillway()

/** A server that holds tools/calls until the test lets them go, and answers other messages at once. */
function holding(): { tool: Promise<McpTool>; letGo: () => void } {
  let letGo = (): void => undefined
  const held = new Promise<void>((resolve) => (letGo = resolve))
  const tool = mcpTool(async (received, response) => {
    if (received.message.method === 'tools/call') await held
    answerAtOnce(received, response)
  })
  return { tool, letGo }
}

const lanes = (url: string, more = ''): string => `
tools:
  server: { upstream: "${url}", mcp: {}, maxConcurrent: 1, maxQueueDepth: 0 }
  slow: { mcp: { server: server, tools: [slow_*, "browse"] ${more} }, maxConcurrent: 1, maxQueueDepth: 1, fallbackTools: [search_cache] }
`

async function active(spillway: Share, lane: string): Promise<readonly [number, number]> {
  const { active_workers, queue_depth } = await spillway.lane(lane)
  return [active_workers, queue_depth]
}

test('a call takes the lane whose glob matches its name, or the lane of the server, and each lane keeps its limit', async () => {
  const { tool: starting, letGo } = holding()
  await using tool = await starting
  const spillway = await share(lanes(tool.url))
  const url = `${spillway.proxy}/server/mcp`
  const running = [post(url, callOf(1, 'slow_read')), post(url, callOf(2, 'echo'))]
  await eventually(() => assert.equal(tool.seen.active, 2))
  assert.deepEqual(
    [await active(spillway, 'slow'), await active(spillway, 'server')],
    [
      [1, 0],
      [1, 0],
    ],
  )
  running.push(post(url, callOf(3, 'browse')))
  await eventually(async () => assert.deepEqual(await active(spillway, 'slow'), [1, 1]))
  const refused = await answerOf(await post(url, callOf(0, 'slow_write')))
  assert.equal(refused.id, 0)
  assert.equal(refused.result?.isError, true)
  letGo()
  const answers = await Promise.all(running.map(async (each) => (await answerOf(await each)).result?.ran))
  assert.deepEqual(answers, ['slow_read', 'echo', 'browse'])
  assert.equal(tool.seen.calls, 3)
})

test('messages other than tools/call pass while every lane is full', async () => {
  const { tool: starting, letGo } = holding()
  await using tool = await starting
  const spillway = await share(lanes(tool.url))
  const url = `${spillway.proxy}/server/mcp`
  const running = [
    post(url, callOf(1, 'slow_read')),
    post(url, callOf(2, 'slow_read')),
    post(url, callOf(3, 'x')),
  ]
  await eventually(() => assert.equal(tool.seen.active, 2))
  for (const method of ['initialize', 'ping', 'tools/list', 'server/discover', 'no/such']) {
    const response = await post(url, { jsonrpc: '2.0', id: 'x', method })
    assert.equal(response.status, 200, method)
  }
  assert.equal((await post(url, { jsonrpc: '2.0', method: 'notifications/initialized' })).status, 202)
  assert.equal((await post(url, { jsonrpc: '2.0', id: 5, result: {} })).status, 200)
  assert.equal((await fetch(url, { method: 'DELETE' })).status, 202)
  const lane = (await (await fetch(`${spillway.admin}/lanes/${spillway.named('server')}`)).json()) as Record<
    string,
    unknown
  >
  assert.deepEqual(lane['mcp'], {
    overload: 'tool_result',
    messages: {
      'tools/call': 1,
      initialize: 1,
      ping: 1,
      'tools/list': 1,
      'server/discover': 1,
      other: 1,
      'notifications/initialized': 1,
      response: 1,
      DELETE: 1,
    },
  })
  const counted = `spillway_mcp_messages_total{tool="${spillway.named('slow')}",method="tools/call"} 2\n`
  assert.ok((await spillway.metrics()).includes(counted))
  letGo()
  await Promise.all(running)
})

test('a message is forwarded byte for byte, with its headers', async () => {
  await using tool = await mcpTool()
  const spillway = await share(lanes(tool.url))
  const url = `${spillway.proxy}/server/mcp?a=b`
  const bodies = [
    '{"jsonrpc" : "2.0",\n "method":"tools\\u002fcall", "params": {"n\\u0061me":"slow_é", "arguments":{"a":1.0e2,"a":2}},"id":1e0}  ',
    ' {"method":"ping","id":"\\u00e9","jsonrpc":"2.0"}\n',
  ]
  for (const body of bodies)
    await (await post(url, body, { headers: { 'Last-Event-ID': 'e-7', 'Mcp-Session-Id': 's' } })).text()
  assert.deepEqual(
    tool.received.map(({ text }) => text),
    bodies,
  )
  for (const { headers } of tool.received) {
    assert.deepEqual([headers['last-event-id'], headers['mcp-session-id']], ['e-7', 's'])
  }
  assert.deepEqual((await spillway.lane('slow')).totals.completed, 1)
})

for (const [form, id] of [
  ['tool_result', '0'],
  ['tool_result', '"a-1"'],
  ['tool_result', '12345678901234567890'],
  ['jsonrpc_error', '0'],
  ['http_429', '1'],
] as const) {
  test(`a full lane answers ${form} to the call with the id ${id}`, async () => {
    const { tool: starting, letGo } = holding()
    await using tool = await starting
    const spillway = await share(`tools:
  server: { upstream: "${tool.url}", mcp: { overload: ${form} }, maxConcurrent: 1, maxQueueDepth: 0, fallbackTools: [cache] }`)
    const url = `${spillway.proxy}/server`
    const running = post(url, callOf('r', 'search'))
    await eventually(() => assert.equal(tool.seen.active, 1))
    const body = `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"search"}}`
    const response = await post(url, body)
    assert.equal(response.headers.get('x-spillway-reason'), 'QUEUE_SATURATED')
    const text = await response.text()
    if (form === 'http_429') {
      assert.equal(response.status, 429)
      assert.ok(Number(response.headers.get('retry-after')) >= 1)
      assert.equal((JSON.parse(text) as { reason: string }).reason, 'QUEUE_SATURATED')
    } else {
      assert.equal(response.status, 200)
      assert.ok(text.startsWith(`{"jsonrpc":"2.0","id":${id},`), text)
      const { result, error } = JSON.parse(text) as Awaited<ReturnType<typeof answerOf>>
      assert.equal(result?.content.length ?? error?.code, form === 'tool_result' ? 1 : 429)
    }
    letGo()
    await running
    assert.equal(tool.seen.calls, 1)
    assert.deepEqual((await spillway.lane('server')).totals.refused, { QUEUE_SATURATED: 1 })
  })
}

test('a caller that accepts event streams only gets its refusal in one', async () => {
  const { tool: starting, letGo } = holding()
  await using tool = await starting
  const spillway = await share(lanes(tool.url))
  const url = `${spillway.proxy}/server`
  const running = post(url, callOf('r', 'search'))
  await eventually(() => assert.equal(tool.seen.active, 1))
  const response = await post(url, callOf('s', 'search'), { headers: { Accept: 'text/event-stream' } })
  assert.equal(response.headers.get('content-type'), 'text/event-stream')
  const [, data = ''] = /^event: message\ndata: (.*)\n\n$/.exec(await response.text()) ?? []
  assert.equal((JSON.parse(data) as { id: string }).id, 's')
  letGo()
  await running
})

test('the model reads that a server is down, in a result', async () => {
  const spillway = await share(lanes('http://127.0.0.1:9'))
  const { result } = await answerOf(await post(`${spillway.proxy}/server`, callOf(1, 'slow_read')))
  const meta = result?._meta?.['dev.spillway/overload']
  assert.deepEqual(
    [meta?.['reason'], meta?.['tool'], meta?.['mcp_tool']],
    ['UPSTREAM_UNREACHABLE', spillway.named('slow'), 'slow_read'],
  )
  assert.match(result?.content[0]?.text ?? '', /No connection to the tool slow_read/)
})

test('a drain refuses calls in the form of their lane, passes responses and notifications, and ends streams', async () => {
  const { tool: starting, letGo } = holding()
  await using tool = await starting
  await using spillway = await startSpillway(lanes(tool.url))
  const url = `${spillway.proxy}/server`
  tool.answer = async (request, response) => {
    if (request.method === 'GET')
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders()
    else {
      const chunks: Buffer[] = []
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
      const message = JSON.parse(Buffer.concat(chunks).toString()) as Received['message']
      if (message.method === 'tools/call') await new Promise<void>((resolve) => void held.then(resolve))
      json(response, { jsonrpc: '2.0', id: message.id, result: {} })
    }
  }
  let release = (): void => undefined
  const held = new Promise<void>((resolve) => (release = resolve))
  const stream = await fetch(url)
  const running = post(url, callOf(1, 'slow_read'))
  await eventually(() => assert.equal(tool.seen.active, 2))
  spillway.signal('SIGTERM')
  await assert.rejects(stream.text())
  const { result } = await answerOf(await post(url, callOf(2, 'slow_read')))
  assert.equal(result?._meta?.['dev.spillway/overload']?.['reason'], 'DRAINING')
  assert.equal((await post(url, { jsonrpc: '2.0', method: 'notifications/progress' })).status, 200)
  assert.equal((await post(url, { jsonrpc: '2.0', id: 1, method: 'initialize' })).status, 503)
  release()
  letGo()
  assert.equal((await running).status, 200)
  assert.equal(await spillway.exited, 0)
})
