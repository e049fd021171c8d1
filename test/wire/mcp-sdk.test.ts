/**
 * The official TypeScript clients, 1.x and 2.x, through MCP lanes to real servers: what the client and the model receive.
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Client as Client2, StreamableHTTPClientTransport as Transport2 } from '@modelcontextprotocol/client'
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as Transport1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { eventually } from '../support/eventually.ts'
import { everythingServer, modernServer } from '../support/mcp-servers.ts'
import type { RunningServer } from '../support/mcp-servers.ts'
import { sharedSpillway } from '../support/shared-spillway.ts'
import type { Share } from '../support/shared-spillway.ts'

const share = sharedSpillway()

/** Started once for all tests of the file, as it takes seconds. */
let everythingStarting: Promise<RunningServer> | undefined
const everything = (): Promise<RunningServer> => (everythingStarting ??= everythingServer())
after(async () => (await everythingStarting)?.[Symbol.asyncDispose]())

const yamlFor = (url: string, lane: string, overload = 'tool_result'): string => `tools:
  server: { upstream: "${url}", mcp: {} }
  lane:
    mcp: { server: server, tools: ["${lane}"], overload: ${overload} }
    maxConcurrent: 1
    maxQueueDepth: 1
    fallbackTools: [search_cache]
    controller: { algorithm: fixed }
`

/** The part of both generations that the tests use. Their types are not compatible. */
interface AnyClient {
  callTool(
    params: { name: string; arguments: Record<string, unknown> },
    ...more: never[]
  ): Promise<{ isError?: unknown; content?: unknown }>
  listTools(): Promise<{ tools: readonly { name: string }[] }>
  close(): Promise<void>
}

async function client1(url: string, capabilities = {}): Promise<Client1> {
  const client = new Client1({ name: 'agent', version: '1.0.0' }, { capabilities })
  // The SDK is not written for exactOptionalPropertyTypes.
  await client.connect(new Transport1(new URL(url)))
  return client
}

async function client2(url: string, mode: 'legacy' | 'auto' = 'auto'): Promise<Client2> {
  const client = new Client2({ name: 'agent', version: '1.0.0' }, { versionNegotiation: { mode } })
  await client.connect(new Transport2(new URL(url)))
  return client
}

/** The text that the model reads. */
function textOf(result: object): string {
  const { content } = result as { content?: unknown }
  return (content as { text?: string }[])[0]?.text ?? ''
}

/** Three calls at once in a lane with one slot and one place in the queue: the third is refused. */
async function overload(
  client: AnyClient,
  spillway: Share,
  call: { name: string; arguments: Record<string, unknown> },
  letGo: () => void = () => undefined,
) {
  const running = client.callTool(call)
  await eventually(async () => assert.equal((await spillway.lane('lane')).active_workers, 1))
  const waiting = client.callTool(call)
  await eventually(async () => assert.equal((await spillway.lane('lane')).queue_depth, 1))
  const refused = await client.callTool(call)
  assert.equal(refused.isError, true)
  const [sentences = '', line = '{}'] = textOf(refused).split('\n')
  assert.match(sentences, new RegExp(`^The tool ${call.name} is busy`))
  assert.match(sentences, /the call was not made/)
  assert.match(sentences, /The arguments are not at fault/)
  assert.match(sentences, /In its place you can use search_cache now/)
  const fields = JSON.parse(line) as Record<string, unknown>
  assert.deepEqual(Object.keys(fields), [
    'reason',
    'tool',
    'retryable',
    'not_executed',
    'retry_after_ms',
    'fallback_tools',
  ])
  // Other messages pass meanwhile.
  assert.ok((await client.listTools()).tools.length > 0)
  for (const each of [running, waiting]) assert.notEqual((await ended(each, letGo)).isError, true)
}

/** The result of a call, which the server may hold until `letGo`. */
async function ended<T>(call: Promise<T>, letGo: () => void): Promise<T> {
  let isOver = false
  void call.then(
    () => (isOver = true),
    () => (isOver = true),
  )
  await eventually(() => {
    letGo()
    assert.ok(isOver)
  })
  return call
}

const LONG = { name: 'trigger-long-running-operation', arguments: { duration: 1.5, steps: 3 } }

test('SDK 1.x works through lanes with server-everything: sessions, progress, elicitation, overload', async () => {
  const server = await everything()
  const spillway = await share(yamlFor(server.url, 'trigger-long-*'))
  const client = await client1(`${spillway.proxy}/server/mcp`, { elicitation: {} })
  client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'decline' }))
  assert.equal(
    textOf(await client.callTool({ name: 'echo', arguments: { message: 'hello' } })),
    'Echo: hello',
  )
  const progress: number[] = []
  const short = { ...LONG, arguments: { duration: 0.3, steps: 3 } }
  await client.callTool(short, undefined, { onprogress: ({ progress: each }) => progress.push(each) })
  assert.deepEqual(progress, [1, 2, 3])
  const asked = await client.callTool({ name: 'trigger-elicitation-request', arguments: {} })
  assert.match(textOf(asked), /declined/)
  await overload(client as AnyClient, spillway, LONG)
  const { totals, active_workers } = await spillway.lane('lane')
  assert.deepEqual([totals.completed, totals.refused, active_workers], [3, { QUEUE_SATURATED: 1 }, 0])
  await client.close()
})

test('SDK 1.x cancels a waiting call, and the server never receives it', async () => {
  const server = await everything()
  const spillway = await share(yamlFor(server.url, 'trigger-long-*'))
  const client = await client1(`${spillway.proxy}/server/mcp`)
  const running = client.callTool(LONG)
  await eventually(async () => assert.equal((await spillway.lane('lane')).active_workers, 1))
  const caller = new AbortController()
  const waiting = client.callTool(LONG, undefined, { signal: caller.signal })
  await eventually(async () => assert.equal((await spillway.lane('lane')).queue_depth, 1))
  const left = assert.rejects(waiting)
  caller.abort()
  await left
  await eventually(async () => assert.equal((await spillway.lane('lane')).queue_depth, 0))
  await running
  const { totals } = await spillway.lane('lane')
  assert.deepEqual([totals.completed, totals.cancelled], [1, 1])
  await client.close()
})

test('SDK 2.x works through lanes with server-everything in its legacy mode, which has sessions', async () => {
  const server = await everything()
  const spillway = await share(yamlFor(server.url, 'trigger-long-*'))
  const client = await client2(`${spillway.proxy}/server/mcp`, 'legacy')
  await overload(client, spillway, LONG)
  await client.close()
})

test('SDK 2.x works through lanes under 2026-07-28: routing headers, overload, cancelling by closing', async () => {
  await using server = await modernServer()
  const spillway = await share(yamlFor(server.url, 'wor?'))
  const client = await client2(`${spillway.proxy}/server/mcp`)
  assert.equal(client.getNegotiatedProtocolVersion(), '2026-07-28')
  await overload(client, spillway, { name: 'work', arguments: {} }, () => server.letGo())
  assert.equal(server.seen.begun, 2)
  const work = { name: 'work', arguments: {} }
  const [running, waiting] = [new AbortController(), new AbortController()]
  const calls = [client.callTool(work, { signal: running.signal })]
  await eventually(() => assert.equal(server.seen.begun, 3))
  calls.push(client.callTool(work, { signal: waiting.signal }))
  await eventually(async () => assert.equal((await spillway.lane('lane')).queue_depth, 1))
  const rejected = Promise.all(calls.map((call) => assert.rejects(call)))
  waiting.abort()
  await eventually(async () => assert.equal((await spillway.lane('lane')).queue_depth, 0))
  running.abort()
  await eventually(() => assert.equal(server.seen.aborted, 1))
  await rejected
  await eventually(async () => assert.equal((await spillway.lane('lane')).active_workers, 0))
  assert.equal(server.seen.begun, 3)
  await client.close()
})

test('SDK 2.x accepts a refusal of a tool with an output schema, as a result and as a JSON-RPC error', async () => {
  await using server = await modernServer()
  for (const overload of ['tool_result', 'jsonrpc_error']) {
    const spillway = await share(yamlFor(server.url, 'answer', overload))
    const client = await client2(`${spillway.proxy}/server`)
    await client.listTools()
    const answer = { name: 'answer', arguments: {} }
    const calls = [client.callTool(answer)]
    await eventually(async () => assert.equal((await spillway.lane('lane')).active_workers, 1))
    calls.push(client.callTool(answer))
    await eventually(async () => assert.equal((await spillway.lane('lane')).queue_depth, 1))
    if (overload === 'tool_result')
      assert.match(textOf(await client.callTool(answer)), /The tool answer is busy/)
    else {
      await assert.rejects(client.callTool(answer), (error: { code: number; data: { reason: string } }) => {
        assert.deepEqual([error.code, error.data.reason], [429, 'QUEUE_SATURATED'])
        return true
      })
    }
    const answers = await Promise.all(calls.map((each) => ended(each, () => server.letGo())))
    assert.deepEqual(
      answers.map(({ structuredContent }) => structuredContent),
      [{ n: 42 }, { n: 42 }],
    )
    await client.close()
  }
})
