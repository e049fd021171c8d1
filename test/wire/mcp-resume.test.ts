/**
 * A caller that lost its stream and goes on with another: the call keeps its lease, and the lease ends with the answer.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '../support/eventually.ts'
import { everythingServer } from '../support/mcp-servers.ts'
import { callOf, events, mcpTool, post } from '../support/mcp-tool.ts'
import { startSpillway } from '../support/process.ts'

const SESSION = { 'Mcp-Session-Id': 's', 'MCP-Protocol-Version': '2025-11-25' }

test('a lost stream is closed towards the server when it is resumed, and its call is answered there', async () => {
  let answer = (): void => undefined
  const closed: string[] = []
  await using tool = await mcpTool(({ method, headers, message }, response) => {
    response.on('close', () => closed.push(method))
    if (method === 'POST') {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' })
      response.write('id: e1\ndata: \n\n')
      return
    }
    assert.deepEqual([headers['last-event-id'], closed, message], ['e1', ['POST'], {}])
    events(response, { jsonrpc: '2.0', method: 'notifications/progress' })
    answer = () => events(response, { jsonrpc: '2.0', id: 9, result: { content: [] } })
  })
  await using spillway = await startSpillway(
    `tools: { s: { upstream: "${tool.url}", mcp: {}, maxConcurrent: 1, controller: { algorithm: fixed } } }`,
  )
  const url = `${spillway.proxy}/s`
  const active = async (): Promise<number> => (await spillway.lane('s')).active_workers
  const caller = new AbortController()
  const first = await post(url, callOf(9, 'search'), { headers: SESSION, signal: caller.signal })
  await (first.body as ReadableStream<Uint8Array>).getReader().read()
  caller.abort()
  const lost = (): Promise<string> => spillway.metrics()
  await lost()
  assert.equal(await active(), 1)
  // Spillway may hear of the lost connection a moment later than the caller.
  let stream: Response | undefined
  await eventually(async () => {
    stream = await fetch(url, { headers: { ...SESSION, 'Last-Event-ID': 'e1' } })
    if (stream.status === 200) return
    await stream.text()
    assert.fail('not yet')
  })
  assert.equal(await active(), 1, 'it still runs at the server')
  answer()
  await eventually(async () => assert.equal(await active(), 0))
  const { totals, p95_ms } = await spillway.lane('s')
  assert.deepEqual([totals.completed, totals.failed, p95_ms], [1, 0, null])
  await stream?.body?.cancel()
})

test('a call to server-everything outlives the stream that was lost, and ends on the one that is resumed', async () => {
  await using server = await everythingServer()
  await using spillway = await startSpillway(
    `tools: { s: { upstream: "${server.url}", mcp: {}, maxConcurrent: 1, controller: { algorithm: fixed } } }`,
  )
  const url = `${spillway.proxy}/s/mcp`
  const clientInfo = { name: 'agent', version: '1' }
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo }
  const hello = await post(url, { jsonrpc: '2.0', id: 0, method: 'initialize', params })
  await hello.text()
  const headers = { ...SESSION, 'Mcp-Session-Id': hello.headers.get('mcp-session-id') ?? '' }
  await (await post(url, { jsonrpc: '2.0', method: 'notifications/initialized' }, { headers })).text()
  const name = 'trigger-long-running-operation'
  const call = {
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name, arguments: { duration: 2, steps: 4 }, _meta: { progressToken: 't' } },
  }
  const caller = new AbortController()
  const first = await post(url, call, { headers, signal: caller.signal })
  const { value } = await (first.body as ReadableStream<Uint8Array>).getReader().read()
  const [, lastId = ''] = /^id: (\S+)$/m.exec(Buffer.from(value as Uint8Array).toString()) ?? []
  assert.notEqual(lastId, '')
  caller.abort()
  await eventually(async () => assert.equal((await spillway.lane('s')).active_workers, 1))
  const resumed = await fetch(url, {
    headers: { ...headers, Accept: 'text/event-stream', 'Last-Event-ID': lastId },
  })
  let text = ''
  for await (const chunk of resumed.body as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString()
    if (text.includes('Long running operation completed')) break
  }
  await eventually(async () => {
    const { active_workers, totals } = await spillway.lane('s')
    assert.deepEqual([active_workers, totals.completed], [0, 1])
  })
})
