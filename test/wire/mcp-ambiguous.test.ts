/**
 * What comes for an MCP server and is no message that every reader reads alike: it stops here.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { callOf, mcpTool, post } from '../support/mcp-tool.ts'
import { exchange } from '../support/raw.ts'
import { sharedSpillway } from '../support/shared-spillway.ts'

const share = sharedSpillway()

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
const TEXT = { 'Content-Type': 'text/plain' }
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
    ['a key with a null', '{"id":1,"method":"ping","params\\u0000":{"name":"x"}}'],
    ['a prototype', '{"id":1,"result":{},"__proto__":{"method":"tools/call","params":{"name":"x"}}}'],
    ['a name with a null', '{"id":1,"method":"tools/call","params":{"name":"\\u0000x"}}'],
    ['half a character in a name', '{"id":1,"method":"tools/call","params":{"name":"\\ud800x"}}'],
    ['a method with a null', '{"id":1,"method":"tools/call\\u0000","params":{"name":"x"}}'],
    ['too deep', `{"id":1,"method":"ping","params":{"a":${nested(200)}}}`],
    ['a byte order mark', '\uFEFF{"id":1,"method":"ping"}'],
    ['UTF-16', Buffer.from('{"id":1,"method":"ping"}', 'utf16le')],
    ['a wrong content type', '{"id":1,"method":"ping"}', { 'Content-Type': 'text/plain' }],
    ['another charset', '{"id":1,"method":"ping"}', { 'Content-Type': 'application/json; charset=utf-16' }],
    [
      'a message after more blank than anybody looks through',
      `${' '.repeat(4000)}{"id":1,"method":"ping"}`,
      { 'Content-Type': 'text/plain; for=application/json' },
    ],
    ['UTF-16 after a mark and blank', Buffer.from(`\uFEFF${' '.repeat(1000)}{"id":1}`, 'utf16le'), TEXT],
    ['letters that only UTF-7 has', '+AHs-"id":1+AH0-', { 'Content-Type': 'text/plain; charset=utf-7' }],
    [
      'no JSON that is said to be JSON',
      '+AHs-"id":1+AH0-',
      { 'Content-Type': 'application/json; charset=utf-7' },
    ],
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
  const spillway = await share(`tools: { server: { upstream: "${tool.url}", mcp: {}, maxBodyBytes: 5000 } }`)
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

test('a call that comes with another method than POST takes its lane all the same', async () => {
  await using tool = await mcpTool()
  const spillway = await share(
    `tools: { server: { upstream: "${tool.url}", mcp: {} }, l: { mcp: { server: server, tools: [x] } } }`,
  )
  for (const method of ['PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
    const sent = await post(`${spillway.proxy}/server`, callOf(1, 'x'), { method })
    assert.equal(sent.headers.get('x-spillway-tool'), spillway.named('l'), method)
  }
  assert.equal((await spillway.lane('l')).totals.completed, 4)
})

test('an MCP server is not reached by a connection that leaves HTTP', async () => {
  await using tool = await mcpTool()
  const spillway = await share(`tools: { server: { upstream: "${tool.url}", mcp: {} } }`)
  const url = new URL(spillway.proxy)
  const answer = await exchange(
    Number(url.port),
    `GET ${url.pathname}/server HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
  )
  assert.match(answer, /^HTTP\/1\.1 400 /)
  assert.equal(tool.seen.calls, 0)
})
