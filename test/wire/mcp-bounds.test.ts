/**
 * The messages for one MCP server leave memory and time for those of the others, even if they are large, many, slow, or
 * made to be expensive to parse.
 */
import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import type { ClientRequest } from 'node:http'
import { test } from 'node:test'
import { eventually } from '../support/eventually.ts'
import { fakeTool } from '../support/fake-tool.ts'
import { callOf, mcpTool, post } from '../support/mcp-tool.ts'
import { sharedSpillway } from '../support/shared-spillway.ts'

const share = sharedSpillway()
const MESSAGE_BYTES = 3_900_000
/** So many messages exceed what one server may hold, whatever the memory of the process (at most 64 MiB for all). */
const TOO_MANY = 20
const PING = { jsonrpc: '2.0', id: 1, method: 'ping' }
const large = (id: number, name = 'x', bytes = MESSAGE_BYTES): string =>
  JSON.stringify(callOf(id, name, { text: 'x'.repeat(bytes) }))

interface Refusal {
  readonly reason: string
  readonly message: string
  readonly not_executed: boolean
}

/** A server that answers every message but calls. */
function hangingTool() {
  return mcpTool(({ message }, response) => {
    if (message.method !== 'tools/call') response.writeHead(202).end()
  })
}

/** Sends part of a body, and then nothing more. */
function drip(url: string, bytes: number, declared: number | undefined): ClientRequest {
  const length = declared === undefined ? {} : { 'Content-Length': declared }
  const headers = { 'Content-Type': 'application/json', ...length }
  const sent = httpRequest(url, { method: 'POST', headers })
  sent.on('error', () => undefined)
  sent.write('x'.repeat(bytes))
  return sent
}

test('calls that wait for one server leave memory for other servers, and for pings to their own', async () => {
  await using tool = await hangingTool()
  const lane = `{ upstream: "${tool.url}", mcp: {}, maxConcurrent: 1, maxQueueDepth: 100 }`
  const spillway = await share(`tools: { a: ${lane}, b: ${lane} }`)
  const leaving = new AbortController()
  const calls: Promise<Response | undefined>[] = []
  let refused: Response | undefined
  for (let n = 0; n < TOO_MANY && refused === undefined; n++) {
    const call = post(`${spillway.proxy}/a`, large(n), { signal: leaving.signal })
    calls.push(call.catch(() => undefined))
    const waiting = n
    refused = await Promise.race([
      call,
      eventually(async () => {
        const { queue_depth, active_workers } = await spillway.lane('a')
        assert.equal(queue_depth + active_workers, waiting + 1)
        return undefined
      }),
    ])
  }
  assert.equal(refused?.status, 503)
  const { reason, message, not_executed } = (await refused.json()) as Refusal
  assert.deepEqual([reason, not_executed], ['PROXY_OVERLOADED', true])
  assert.match(message, new RegExp(`those for ${spillway.named('a')} [\\d.]+ MiB`))
  assert.ok(Number(refused.headers.get('retry-after')) >= 1)
  assert.equal((await post(`${spillway.proxy}/b`, PING)).status, 202)
  assert.equal((await post(`${spillway.proxy}/a`, PING)).status, 202)
  const elsewhere = post(`${spillway.proxy}/b`, large(1), { signal: leaving.signal }).catch(() => undefined)
  await eventually(async () => assert.equal((await spillway.lane('b')).active_workers, 1))
  leaving.abort()
  await Promise.all([...calls, elsewhere])
  // The running call goes on without its caller, as the protocol demands. The memory of the others is free again.
  const again = new AbortController()
  const next = post(`${spillway.proxy}/a`, large(99), { signal: again.signal }).catch(() => undefined)
  await eventually(async () => assert.equal((await spillway.lane('a')).queue_depth, 1))
  again.abort()
  await next
})

for (const declared of [4_000_000, undefined]) {
  test(`unfinished bodies (${declared === undefined ? 'chunked' : 'with a Content-Length'}) leave memory for other servers`, async () => {
    await using tool = await mcpTool()
    const lane = `{ upstream: "${tool.url}", mcp: {} }`
    const spillway = await share(`tools: { a: ${lane}, b: ${lane} }`)
    const dripping = Array.from({ length: TOO_MANY }, () =>
      drip(`${spillway.proxy}/a`, MESSAGE_BYTES, declared),
    )
    const status = await Promise.race(
      dripping.map(
        (each) => new Promise((resolve) => each.on('response', ({ statusCode }) => resolve(statusCode))),
      ),
    )
    assert.equal(status, 503)
    assert.equal((await post(`${spillway.proxy}/b`, large(1))).status, 200)
    assert.equal((await post(`${spillway.proxy}/a`, PING)).status, 200)
    for (const each of dripping) each.destroy()
    await eventually(async () => assert.equal((await post(`${spillway.proxy}/a`, large(1))).status, 200))
  })
}

test('a message that no server could ever hold is BODY_TOO_LARGE, not PROXY_OVERLOADED', async () => {
  await using tool = await mcpTool()
  const spillway = await share(`tools: { a: { upstream: "${tool.url}", mcp: {}, maxBodyBytes: 104857600 } }`)
  const sent = drip(`${spillway.proxy}/a`, 10, 100_000_000)
  const status = await new Promise((resolve) => sent.on('response', ({ statusCode }) => resolve(statusCode)))
  sent.destroy()
  assert.equal(status, 413)
})

/** Each sends one large body and waits for its end. Afterwards none of its memory may be held. */
const ENDS: readonly (readonly [how: string, tools: string, run: (url: string) => Promise<unknown>])[] = [
  ['an answer', '', (url) => post(url, large(1, 'quick'))],
  ['no JSON', '', (url) => post(url, `${large(1)}}`)],
  ['a refusal by the lane', ', maxQueueDepth: 0, rate: { calls: 1, perSeconds: 3600, burst: 1 }', (url) => post(url, large(1, 'quick'))],
  ['a batch', '', (url) => post(url, `[${large(1, 'quick', 2_000_000)},${large(2, 'quick', 1_900_000)}]`)],
  ['a batch that is refused', ', maxConcurrent: 1', (url) => post(url, `[${large(1, 'quick')},${JSON.stringify(callOf(2, 'quick'))}]`)],
  ['a caller that leaves while it runs', '', (url) => leaveAfter(url, 150)],
  ['a caller that leaves while its message is read', '', (url) => leaveAfter(url, 25)],
  ['a body that breaks off', '', (url) => new Promise((resolve) => {
    const sent = drip(url, 3_000_000, MESSAGE_BYTES)
    setTimeout(() => resolve(sent.destroy()), 50)
  })],
] // prettier-ignore

async function leaveAfter(url: string, ms: number): Promise<void> {
  await post(url, large(1, 'slow'), { signal: AbortSignal.timeout(ms) }).catch(() => undefined)
}

for (const [how, settings, run] of ENDS) {
  test(`no memory stays held after ${how}`, async () => {
    await using tool = await mcpTool(async ({ message }, response) => {
      if (message.params?.name === 'slow') await new Promise((resolve) => setTimeout(resolve, 300))
      response.writeHead(202).end()
    })
    const spillway = await share(`tools: { a: { upstream: "${tool.url}", mcp: {}${settings} } }`)
    for (let n = 0; n < 8; n++) await run(`${spillway.proxy}/a`)
    await eventually(async () => {
      const sent = await post(`${spillway.proxy}/a`, large(1, 'quick'))
      const text = await sent.text()
      assert.ok(sent.status === 202 || text.includes('RATE_LIMITED'), text)
    })
  })
}

const SIZE = 4_000_000
const filled = (unit: string): string => unit.repeat(Math.floor(SIZE / unit.length))
const COSTLY: readonly (readonly [what: string, args: string])[] = [
  ['tiny objects', `[${filled('{},')}{}]`],
  ['deep nesting', `[${filled(`${'['.repeat(90)}${']'.repeat(90)},`)}0]`],
  ['many keys', `{${filled('"k":1,')}"k":1}`],
]

/** Milliseconds: the longest that a call of another lane took while four callers sent such a message. */
async function worstMsBeside(share: { readonly proxy: string }, args: string): Promise<number> {
  const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":${args}}}`
  await (await fetch(`${share.proxy}/other`)).text()
  const over = { is: false }
  const calls = Promise.all(Array.from({ length: 4 }, () => post(`${share.proxy}/a`, body))).finally(
    () => (over.is = true),
  )
  let worstMs = 0
  while (!over.is) {
    const startedAt = performance.now()
    await (await fetch(`${share.proxy}/other`)).text()
    worstMs = Math.max(worstMs, performance.now() - startedAt)
  }
  for (const call of await calls) assert.equal(call.status, 200)
  return worstMs
}

for (const [what, args] of COSTLY) {
  test(`messages of ${what} from four callers do not hold up calls to another tool`, async () => {
    await using tool = await fakeTool((request, response) => {
      request.resume().on('end', () => response.end('{}'))
    })
    const spillway = await share(
      `tools: { a: { upstream: "${tool.url}", mcp: {} }, other: { upstream: "${tool.url}" } }`,
    )
    // Compared with a plain text of the same length, as the machine may be busy. JSON.parse took 0.3 to 1.2 s for these.
    await eventually(async () => {
      const plainMs = await worstMsBeside(spillway, `"${'x'.repeat(SIZE)}"`)
      const worstMs = await worstMsBeside(spillway, args)
      assert.ok(worstMs < 2 * plainMs + 150, `${worstMs.toFixed(0)} ms, of a long text ${plainMs.toFixed(0)}`)
    })
  })
}
