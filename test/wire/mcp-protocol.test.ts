/**
 * MCP on real sockets, message by message: event streams, the end of a lease with its answer, cancelling, batches, and
 * routing headers.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '../support/eventually.ts'
import { answerAtOnce, answerOf, callOf, events, mcpTool, post } from '../support/mcp-tool.ts'
import type { Answered } from '../support/mcp-tool.ts'
import { sharedSpillway } from '../support/shared-spillway.ts'
import type { Share } from '../support/shared-spillway.ts'

const share = sharedSpillway()

const one = (url: string, more = ''): string =>
  `tools: { server: { upstream: "${url}", mcp: {}, maxConcurrent: 1, controller: { algorithm: fixed } ${more} } }`

async function active(spillway: Share): Promise<readonly [number, number]> {
  const { active_workers, queue_depth } = await spillway.lane('server')
  return [active_workers, queue_depth]
}

function reader(response: Response): () => Promise<string> {
  const decoder = new TextDecoder()
  const chunks = (response.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]()
  return async (): Promise<string> => {
    const next = await chunks.next()
    return next.done === true ? '' : decoder.decode(next.value, { stream: true })
  }
}

test('a lease ends with the answer in a stream that goes on, and earlier events pass without delay', async () => {
  let step: (message: object) => void = () => undefined
  await using tool = await mcpTool(({ message }, response) => {
    events(response, { jsonrpc: '2.0', method: 'notifications/progress', params: { progress: 1 } })
    step = (each) => events(response, { jsonrpc: '2.0', id: message.id, ...each })
  })
  const spillway = await share(one(tool.url))
  const response = await post(`${spillway.proxy}/server`, callOf(7, 'search'))
  const next = reader(response)
  assert.match(await next(), /notifications\/progress/)
  assert.deepEqual(await active(spillway), [1, 0])
  step({ result: { content: [] } })
  assert.match(await next(), /"result"/)
  await eventually(async () => assert.deepEqual(await active(spillway), [0, 0]))
  // The stream is still open.
  assert.equal(tool.seen.active, 1)
  const lane = await spillway.lane('server')
  assert.equal(lane.totals.completed, 1)
  assert.ok(lane.p95_ms !== null)
})

test('a call during which the server asks its caller, a result that needs input and a failed tool give no latency sample', async () => {
  await using tool = await mcpTool(({ message }, response) => {
    if (message.params?.name === 'asks') {
      events(response, { jsonrpc: '2.0', id: 's1', method: 'elicitation/create' })
      events(response, { jsonrpc: '2.0', id: message.id, result: {} })
      response.end()
      return
    }
    const result =
      message.params?.name === 'input' ? { resultType: 'input_required' } : { isError: true, content: [] }
    response.writeHead(200, { 'Content-Type': 'application/json' })
    response.end(JSON.stringify({ jsonrpc: '2.0', id: message.id, result }))
  })
  const spillway = await share(one(tool.url))
  for (const name of ['asks', 'input', 'fails']) {
    assert.equal((await post(`${spillway.proxy}/server`, callOf(1, name))).status, 200)
  }
  await eventually(async () => {
    const { totals, p95_ms, error_rate } = await spillway.lane('server')
    assert.deepEqual([totals.completed, p95_ms, error_rate], [3, null, 0])
  })
})

test('a stream of the server takes no slot of the lane, outlives leaseSeconds, and is resumed with Last-Event-ID', async () => {
  await using tool = await mcpTool((received, response) => {
    if (received.method === 'GET') {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' })
      response.write(`id: ${String(received.headers['last-event-id'])}\ndata: {}\n\n`)
    } else answerAtOnce(received, response)
  })
  const spillway = await share(one(tool.url, ', leaseSeconds: 0.3'))
  const url = `${spillway.proxy}/server`
  const client = new AbortController()
  const headers = { Accept: 'text/event-stream', 'Last-Event-ID': 'e-41' }
  const stream = await fetch(url, { headers, signal: client.signal })
  const next = reader(stream)
  assert.equal(await next(), 'id: e-41\ndata: {}\n\n')
  const listening = await post(url, { jsonrpc: '2.0', id: 1, method: 'subscriptions/listen' })
  assert.equal(listening.status, 200)
  assert.equal((await post(url, callOf(2, 'x'))).status, 200)
  client.abort()
  await eventually(() => assert.equal(tool.seen.active, 0))
})

test('a waiting call that is cancelled leaves the queue and never reaches the server', async () => {
  let letGo = (): void => undefined
  const held = new Promise<void>((resolve) => (letGo = resolve))
  await using tool = await mcpTool(async (received, response) => {
    if (received.message.method === 'tools/call') await held
    answerAtOnce(received, response)
  })
  const spillway = await share(one(tool.url))
  const url = `${spillway.proxy}/server`
  const headers = { 'Mcp-Session-Id': 'mine' }
  const running = post(url, callOf(1, 'search'), { headers })
  await eventually(() => assert.equal(tool.seen.active, 1))
  const waiting = post(url, callOf(2, 'search'), { headers })
  await eventually(async () => assert.deepEqual(await active(spillway), [1, 1]))
  const cancel = (requestId: unknown, session: string) =>
    post(
      url,
      { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } },
      { headers: { 'Mcp-Session-Id': session } },
    )
  // A session cannot cancel a call of another session, and "2" is another id than 2.
  assert.equal((await cancel(2, 'other')).status, 202)
  assert.equal((await cancel('2', 'mine')).status, 202)
  assert.deepEqual(await active(spillway), [1, 1])
  const seen = tool.received.length
  assert.equal((await cancel(2, 'mine')).status, 202)
  assert.equal((await waiting).status, 202)
  assert.deepEqual(await active(spillway), [1, 0])
  assert.equal(tool.received.length, seen, 'the server received neither the call nor the notification')
  letGo()
  await running
  assert.equal(tool.received.filter(({ message }) => message.method === 'tools/call').length, 1)
})

test('a running call that is cancelled keeps its lease until the server ends it, and gives no sample', async () => {
  let end = (): void => undefined
  await using tool = await mcpTool((received, response) => {
    if (received.message.method === 'tools/call') {
      events(response)
      end = () => response.end()
    } else answerAtOnce(received, response)
    response.flushHeaders()
  })
  const spillway = await share(one(tool.url))
  const url = `${spillway.proxy}/server`
  const running = await post(url, callOf(1, 'search'))
  await post(url, { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } })
  assert.equal(tool.received.length, 2, 'the server was told')
  assert.deepEqual(await active(spillway), [1, 0])
  end()
  assert.equal(await running.text(), '')
  await eventually(async () => assert.deepEqual(await active(spillway), [0, 0]))
  const { p95_ms, error_rate } = await spillway.lane('server')
  assert.deepEqual([p95_ms, error_rate], [null, 0])
})

for (const [revision, isCut] of [
  ['2025-11-25', false],
  ['2026-07-28', true],
] as const) {
  test(`closing the connection of a running call ${isCut ? 'cancels it' : 'does not cancel it'} under ${revision}`, async () => {
    let letGo = (): void => undefined
    const held = new Promise<void>((resolve) => (letGo = resolve))
    await using tool = await mcpTool(async (received, response) => {
      await held
      answerAtOnce(received, response)
    })
    const spillway = await share(one(tool.url))
    const caller = new AbortController()
    const headers = { 'MCP-Protocol-Version': revision, 'Mcp-Method': 'tools/call', 'Mcp-Name': 'search' }
    const call = post(`${spillway.proxy}/server`, callOf(1, 'search'), { headers, signal: caller.signal })
    call.catch(() => undefined)
    await eventually(() => assert.equal(tool.seen.active, 1))
    caller.abort()
    await eventually(async () => {
      if (isCut) assert.equal((await spillway.lane('server')).totals.cancelled, 1)
      else assert.deepEqual(await active(spillway), [1, 0])
    })
    await eventually(() => assert.equal(tool.seen.cut, isCut ? 1 : 0))
    letGo()
    await eventually(async () => assert.deepEqual(await active(spillway), [0, 0]))
    assert.equal((await spillway.lane('server')).totals.completed, isCut ? 0 : 1)
  })
}

test('a batch takes a lease for each of its calls, or is refused whole and takes none', async () => {
  let answer = (): void => undefined
  await using tool = await mcpTool((received, response) => {
    if (!Array.isArray(received.message)) {
      answerAtOnce(received, response)
      return
    }
    const batch = received.message as unknown as { id: unknown; method: string }[]
    const results = batch.map(({ id }) => ({ jsonrpc: '2.0', id, result: {} }))
    response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    response.flushHeaders()
    answer = () => {
      response.write(`data: ${JSON.stringify(results)}\n\n`)
      response.end()
    }
  })
  const spillway = await share(`tools:
  server: { upstream: "${tool.url}", mcp: {}, maxConcurrent: 2, maxQueueDepth: 5, controller: { algorithm: fixed } }
  other: { mcp: { server: server, tools: [other] }, maxConcurrent: 1, controller: { algorithm: fixed } }`)
  const url = `${spillway.proxy}/server`
  const list = { jsonrpc: '2.0', id: 'l', method: 'tools/list' }
  const batch = [callOf(1, 'a'), callOf(2, 'other'), list]
  const running = await post(url, batch)
  assert.deepEqual(
    [(await spillway.lane('server')).active_workers, (await spillway.lane('other')).active_workers],
    [1, 1],
  )
  const refused = (await (await post(url, [callOf(3, 'b'), callOf(4, 'other'), list])).json()) as Answered[]
  assert.deepEqual(
    refused.map(({ id, result, error }) => [id, result?.isError ?? error?.code]),
    [
      [3, true],
      [4, true],
      ['l', 429],
    ],
  )
  assert.equal(tool.seen.calls, 1)
  answer()
  await running.text()
  await eventually(async () => {
    const lanes = [await spillway.lane('server'), await spillway.lane('other')]
    assert.deepEqual(
      lanes.map(({ active_workers, totals }) => [active_workers, totals.completed]),
      [
        [0, 1],
        [0, 1],
      ],
    )
  })
  const response = await post(url, batch, { headers: { 'MCP-Protocol-Version': '2025-06-18' } })
  assert.equal(response.status, 400)
})

test('under 2026-07-28 Mcp-Name may be base64, and a refusal is a result with resultType complete', async () => {
  await using tool = await mcpTool()
  const spillway = await share(one(tool.url))
  const url = `${spillway.proxy}/server`
  const name = '=?base64?c8O8Y2hl?='
  const headers = { 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': name }
  assert.equal((await answerOf(await post(url, callOf(1, 'süche'), { headers }))).result?.ran, 'süche')
  assert.equal(tool.received[0]?.headers['mcp-name'], name)
  await fetch(`${spillway.admin}/lanes/${spillway.named('server')}`, {
    method: 'PATCH',
    body: '{"paused":true}',
  })
  const { result } = await answerOf(await post(url, callOf(1, 'süche'), { headers }))
  assert.deepEqual(
    [result?.isError, result?.resultType, result?.structuredContent],
    [true, 'complete', undefined],
  )
  assert.equal(result?._meta?.['dev.spillway/overload']?.['reason'], 'LANE_PAUSED')
})
