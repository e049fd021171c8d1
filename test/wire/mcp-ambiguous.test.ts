/**
 * What comes for an MCP server and is no message that every reader reads alike: it stops here.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { callOf, mcpTool, post } from '../support/mcp-tool.ts'
import { startSpillway } from '../support/process.ts'

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
const REFUSED: readonly (readonly [what: string, body: string | Buffer, headers?: Record<string, string>])[] =
  [
    ['no JSON', '{"jsonrpc":"2.0",'],
    ['nothing', ' '],
    ['a string', '"tools/call"'],
    ['an empty batch', '[]'],
    ['no method', '{"jsonrpc":"2.0","id":1}'],
    ['a call without an id', '{"method":"tools/call","params":{"name":"x"}}'],
    ['a call with a null id', '{"id":null,"method":"tools/call","params":{"name":"x"}}'],
    ['a call without a name', '{"id":1,"method":"tools/call","params":{}}'],
    ['two methods', '{"id":1,"method":"ping","method":"tools/call","params":{"name":"x"}}'],
    [
      'two methods, one escaped',
      '{"id":1,"m\\u0065thod":"ping","method":"tools/call","params":{"name":"x"}}',
    ],
    ['two names', '{"id":1,"method":"tools/call","params":{"name":"a","arguments":{},"name":"b"}}'],
    ['a key in capitals', '{"id":1,"method":"ping","Method":"tools/call"}'],
    ['a key with a long s', '{"id":1,"method":"ping","param\u017f":{"name":"x"}}'],
    ['too deep', `{"id":1,"method":"ping","params":{"a":${nested(200)}}}`],
    ['a byte order mark', '\uFEFF{"id":1,"method":"ping"}'],
    ['UTF-16', Buffer.from('{"id":1,"method":"ping"}', 'utf16le')],
    ['a wrong content type', '{"id":1,"method":"ping"}', { 'Content-Type': 'text/plain' }],
    ['another charset', '{"id":1,"method":"ping"}', { 'Content-Type': 'application/json; charset=utf-16' }],
    ['a coded body', '{"id":1,"method":"ping"}', { 'Content-Encoding': 'gzip' }],
    [
      'a name that the headers do not give',
      JSON.stringify(callOf(1, 'a')),
      { 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': 'b' },
    ],
    [
      'a method that the headers do not give',
      JSON.stringify(callOf(1, 'a')),
      { 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/list' },
    ],
    [
      'a name that is coded wrongly',
      JSON.stringify(callOf(1, 'a')),
      { 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': '=?base64?YQ?=' },
    ],
  ]

test('what two readers could read differently, or none, never reaches a server', async () => {
  await using tool = await mcpTool()
  await using spillway = await startSpillway(
    `tools: { server: { upstream: "${tool.url}", mcp: {}, maxBodyBytes: 5000 } }`,
  )
  const url = `${spillway.proxy}/server`
  for (const [what, body, headers] of REFUSED) {
    const sent = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : new Uint8Array(body),
    })
    assert.equal(sent.status, 400, what)
    assert.equal(((await sent.json()) as { reason: string }).reason, 'BAD_REQUEST', what)
  }
  const large = await post(url, callOf(1, 'x', { text: 'y'.repeat(6000) }))
  assert.equal(large.status, 413)
  assert.equal(tool.seen.calls, 0)
  const form = { 'Content-Type': 'application/x-www-form-urlencoded' }
  assert.equal((await post(`${url}/token`, 'grant_type=x', { headers: form })).status, 202)
  assert.equal(tool.received[0]?.text, 'grant_type=x')
})
