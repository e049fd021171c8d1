/**
 * The promises of a lane over HTTP hold for calls over MCP, too: deadlines, priority classes, fairness, reloads.
 */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { eventually } from '../support/eventually.ts'
import { answerAtOnce, answerOf, callOf, mcpTool, post } from '../support/mcp-tool.ts'
import { startSpillway } from '../support/process.ts'
import type { Spillway } from '../support/process.ts'

/** A lane with one slot, and a server that holds each call until the test ends it. */
async function serving(more = '') {
  const held: (() => void)[] = []
  const tool = await mcpTool(async (received, response) => {
    if (received.message.method === 'tools/call') await new Promise<void>((resolve) => held.push(resolve))
    answerAtOnce(received, response)
  })
  const spillway = await startSpillway(
    `tools: { s: { upstream: "${tool.url}", mcp: {}, maxConcurrent: 1, controller: { algorithm: fixed }${more} } }`,
  )
  return {
    spillway,
    tool,
    url: `${spillway.proxy}/s`,
    /** Ends `count` calls as they arrive, and returns the names of all in order. */
    async drained(count: number): Promise<string[]> {
      for (let n = 0; n < count; n++) {
        await eventually(() => assert.ok(held.length > n))
        held[n]?.()
      }
      return tool.received.map(({ message }) => message.params?.name ?? '')
    },
    async [Symbol.asyncDispose]() {
      await spillway[Symbol.asyncDispose]()
      await tool[Symbol.asyncDispose]()
    },
  }
}

async function waiting(spillway: Spillway, depth: number): Promise<void> {
  await eventually(async () => assert.equal((await spillway.lane('s')).queue_depth, depth))
}

test('a call that waits longer than its caller allows is refused with the reason, and never runs', async () => {
  await using server = await serving()
  const { url, spillway } = server
  const running = post(url, callOf(1, 'first'))
  await eventually(() => assert.equal(server.tool.seen.active, 1))
  const late = await answerOf(
    await post(url, callOf('l', 'late'), { headers: { 'X-Spillway-Ttl-Ms': '300' } }),
  )
  const meta = late.result?._meta?.['dev.spillway/overload']
  assert.equal(late.id, 'l')
  assert.ok(
    ['QUEUE_TTL_EXPIRED', 'DEADLINE_UNREACHABLE'].includes(String(meta?.['reason'])),
    String(meta?.['reason']),
  )
  assert.deepEqual(await server.drained(1), ['first'])
  await running
  assert.equal((await spillway.lane('s')).totals.completed, 1)
})

test('a call of a higher class goes first, and sessions take turns', async () => {
  await using server = await serving()
  const { url, spillway } = server
  const calls = [post(url, callOf(0, 'first'))]
  await eventually(() => assert.equal(server.tool.seen.active, 1))
  const queue: readonly (readonly [name: string, headers: Record<string, string>])[] = [
    ['a1', { 'Mcp-Session-Id': 'a' }],
    ['a2', { 'Mcp-Session-Id': 'a' }],
    ['b1', { 'Mcp-Session-Id': 'b' }],
    ['high', { 'Mcp-Session-Id': 'a', Priority: 'u=1' }],
  ]
  for (const [index, [name, headers]] of queue.entries()) {
    calls.push(post(url, callOf(index + 1, name), { headers }))
    await waiting(spillway, index + 1)
  }
  assert.deepEqual(await server.drained(5), ['first', 'high', 'a1', 'b1', 'a2'])
  await Promise.all(calls)
})

test('a reload gives a tool another lane, and running calls go on', async () => {
  await using server = await serving()
  const { url, spillway } = server
  const running = post(url, callOf(1, 'slow_read'))
  await eventually(() => assert.equal(server.tool.seen.active, 1))
  const yaml = await readFile(spillway.file, 'utf8')
  const more = ', l: { mcp: { server: s, tools: [slow_*] }, maxConcurrent: 1 } }'
  await writeFile(spillway.file, yaml.replace(/\}\s*$/, more))
  spillway.signal('SIGHUP')
  await eventually(async () => assert.equal((await spillway.lane('l')).limit, 1))
  const other = post(url, callOf(2, 'slow_write'))
  await eventually(() => assert.equal(server.tool.seen.active, 2))
  assert.equal((await spillway.lane('l')).active_workers, 1)
  await server.drained(2)
  assert.deepEqual(
    (await Promise.all([running, other])).map(({ headers }) => headers.get('x-spillway-tool')),
    ['s', 'l'],
  )
})
