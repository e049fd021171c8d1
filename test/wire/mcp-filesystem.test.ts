/**
 * A real MCP server with side effects, server-filesystem, behind MCP lanes: a refused call has no effect.
 */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { startSpillway } from '../support/process.ts'
import { bridged } from '../support/stdio-bridge.ts'

const SERVER = fileURLToPath(
  new URL('../../node_modules/@modelcontextprotocol/server-filesystem/dist/index.js', import.meta.url),
)

test('server-filesystem with a lane for its writing tools: the model reads that a write was refused, and no file is written', async () => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'spillway-files-')))
  await using server = await bridged(SERVER, folder)
  await using spillway = await startSpillway(`tools:
  files: { upstream: "${server.url}", mcp: {} }
  writes: { mcp: { server: files, tools: ["write_*", "edit_*", "move_*"] }, maxConcurrent: 1 }
`)
  const client = new Client({ name: 'agent', version: '1.0.0' })
  const transport = new StreamableHTTPClientTransport(new URL(`${spillway.proxy}/files/mcp`))
  await client.connect(transport)
  const call = async (name: string, args: Record<string, unknown>) => {
    const result = await client.callTool({ name, arguments: args })
    return { isError: result.isError === true, text: (result.content as { text?: string }[])[0]?.text ?? '' }
  }
  const setPaused = (paused: boolean) =>
    fetch(`${spillway.admin}/lanes/writes`, { method: 'PATCH', body: JSON.stringify({ paused }) })
  const [first, second] = [join(folder, 'a.txt'), join(folder, 'b.txt')]

  assert.ok((await client.listTools()).tools.some(({ name }) => name === 'write_file'))
  assert.equal((await call('write_file', { path: first, content: 'hello' })).isError, false)
  await setPaused(true)
  const refused = await call('write_file', { path: second, content: 'never' })
  assert.equal(refused.isError, true)
  assert.match(refused.text, /LANE_PAUSED/)
  assert.equal(existsSync(second), false)
  assert.match((await call('read_text_file', { path: first })).text, /hello/, 'reading takes the other lane')
  await setPaused(false)
  assert.equal((await call('write_file', { path: second, content: 'now' })).isError, false)
  assert.equal(existsSync(second), true)
  const { totals } = await spillway.lane('writes')
  assert.deepEqual([totals.completed, totals.refused], [2, { LANE_PAUSED: 1 }])
  await client.close()
  await rm(folder, { recursive: true })
})
