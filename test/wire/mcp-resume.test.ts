/**
 * A caller loses the stream of its call and resumes it with another request: the call keeps its lease, and the lease ends
 * with the answer on the resumed stream.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '../support/eventually.ts'
import { resumableServer } from '../support/mcp-servers.ts'
import { callOf, events, mcpTool, post } from '../support/mcp-tool.ts'
import { sharedSpillway } from '../support/shared-spillway.ts'

const share = sharedSpillway()

const SESSION = { 'Mcp-Session-Id': 's', 'MCP-Protocol-Version': '2025-11-25' }

test('a lost stream is closed towards the server when its caller resumes it, and the answer comes on the resumed one', async () => {
  let answer = (): void => undefined
  const closed: string[] = []
  await using tool = await mcpTool(({ method, headers, message }, response) => {
    response.on('close', () => closed.push(method))
    if (method === 'POST') {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' })
      response.write('id: e1\ndata: \n\n')
      return
    }
    assert.deepEqual([headers['last-event-id'], message], ['e1', {}])
    if (!closed.includes('POST')) {
      response.writeHead(409).end()
      return
    }
    events(response, { jsonrpc: '2.0', method: 'notifications/progress' })
    answer = () => events(response, { jsonrpc: '2.0', id: 9, result: { content: [] } })
  })
  const spillway = await share(
    `tools: { s: { upstream: "${tool.url}", mcp: {}, maxConcurrent: 1, controller: { algorithm: fixed } } }`,
  )
  const url = `${spillway.proxy}/s`
  const active = async (): Promise<number> => (await spillway.lane('s')).active_workers
  const caller = new AbortController()
  const first = await post(url, callOf(9, 'search'), { headers: SESSION, signal: caller.signal })
  await (first.body as ReadableStream<Uint8Array>).getReader().read()
  caller.abort()
  assert.equal(await active(), 1)
  // Spillway may notice the lost connection a moment later than the caller.
  const stream = await eventually(async () => {
    const resumed = await fetch(url, { headers: { ...SESSION, 'Last-Event-ID': 'e1' } })
    if (resumed.status === 200) return resumed
    assert.fail(await resumed.text())
  })
  assert.equal(await active(), 1, 'the call still runs at the server')
  answer()
  await eventually(async () => assert.equal(await active(), 0))
  const { totals, p95_ms } = await spillway.lane('s')
  assert.deepEqual([totals.completed, totals.failed, p95_ms], [1, 0, null])
  await stream.body?.cancel()
})

test('a call to a server on the SDK outlives its lost stream, and ends on the resumed one', async () => {
  await using server = await resumableServer(5)
  const spillway = await share(
    `tools: { s: { upstream: "${server.url}", mcp: {}, maxConcurrent: 1, controller: { algorithm: fixed } } }`,
  )
  const url = `${spillway.proxy}/s`
  const active = async (): Promise<number> => (await spillway.lane('s')).active_workers
  const clientInfo = { name: 'agent', version: '1' }
  const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo }
  const hello = await post(url, { jsonrpc: '2.0', id: 0, method: 'initialize', params })
  await hello.text()
  const headers = { 'Mcp-Session-Id': 'session', 'MCP-Protocol-Version': '2025-06-18' }
  await (await post(url, { jsonrpc: '2.0', method: 'notifications/initialized' }, { headers })).text()
  const caller = new AbortController()
  const first = await post(url, callOf(1, 'count'), { headers, signal: caller.signal })
  const { value } = await (first.body as ReadableStream<Uint8Array>).getReader().read()
  const [, lastId = ''] = /^id: (\S+)$/m.exec(Buffer.from(value as Uint8Array).toString()) ?? []
  assert.notEqual(lastId, '')
  caller.abort()
  // The server answers 409 until it knows that the first stream is closed.
  const resumed = await eventually(async () => {
    const stream = await fetch(url, {
      headers: { ...headers, Accept: 'text/event-stream', 'Last-Event-ID': lastId },
    })
    if (stream.status === 200) return stream
    assert.fail(await stream.text())
  })
  assert.equal(await active(), 1)
  let text = ''
  for await (const chunk of resumed.body as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString()
    if (text.includes('counted')) break
  }
  assert.match(text, /"progress":5/)
  await eventually(async () => assert.equal(await active(), 0))
  assert.equal((await spillway.lane('s')).totals.completed, 1)
})

test('a call whose stream the server ends before the answer keeps its lease, and ends on the resumed stream', async () => {
  let answer = (): void => undefined
  await using tool = await mcpTool(({ method }, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    if (method === 'POST') response.end('id: e1\nretry: 100\ndata: \n\n')
    else {
      response.flushHeaders()
      answer = () => events(response, { jsonrpc: '2.0', id: 9, result: { content: [] } })
    }
  })
  const spillway = await share(
    `tools: { s: { upstream: "${tool.url}", mcp: {}, maxConcurrent: 1, controller: { algorithm: fixed } } }`,
  )
  const url = `${spillway.proxy}/s`
  const active = async (): Promise<number> => (await spillway.lane('s')).active_workers
  assert.match(await (await post(url, callOf(9, 'search'), { headers: SESSION })).text(), /^id: e1/)
  assert.equal(await active(), 1, 'the call still runs at the server')
  const stream = await fetch(url, { headers: { ...SESSION, 'Last-Event-ID': 'e1' } })
  assert.deepEqual([stream.status, await active()], [200, 1])
  answer()
  await eventually(async () => assert.equal(await active(), 0))
  assert.equal((await spillway.lane('s')).totals.completed, 1)
  await stream.body?.cancel()
})
