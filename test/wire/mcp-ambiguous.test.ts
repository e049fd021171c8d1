/**
 * Bodies that two MCP parsers could interpret differently, or that are no message: they do not reach the server.
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
    ['a key with a NUL', '{"id":1,"method":"ping","params\\u0000":{"name":"x"}}'],
    ['a key __proto__', '{"id":1,"result":{},"__proto__":{"method":"tools/call","params":{"name":"x"}}}'],
    ['a name with a NUL', '{"id":1,"method":"tools/call","params":{"name":"\\u0000x"}}'],
    ['half a surrogate pair in a name', '{"id":1,"method":"tools/call","params":{"name":"\\ud800x"}}'],
    ['a method with a NUL', '{"id":1,"method":"tools/call\\u0000","params":{"name":"x"}}'],
    ['nesting beyond the bound', `{"id":1,"method":"ping","params":{"a":${nested(200)}}}`],
    ['a byte order mark', '\uFEFF{"id":1,"method":"ping"}'],
    ['UTF-16', Buffer.from('{"id":1,"method":"ping"}', 'utf16le')],
    ['a wrong content type', '{"id":1,"method":"ping"}', { 'Content-Type': 'text/plain' }],
    ['another charset', '{"id":1,"method":"ping"}', { 'Content-Type': 'application/json; charset=utf-16' }],
    [
      'a message after 4,000 spaces, under another content type',
      `${' '.repeat(4000)}{"id":1,"method":"ping"}`,
      { 'Content-Type': 'text/plain; for=application/json' },
    ],
    [
      'UTF-16 after a byte order mark and spaces',
      Buffer.from(`\uFEFF${' '.repeat(1000)}{"id":1}`, 'utf16le'),
      TEXT,
    ],
    ['JSON in UTF-7', '+AHs-"id":1+AH0-', { 'Content-Type': 'text/plain; charset=utf-7' }],
    [
      'JSON in UTF-7 under application/json',
      '+AHs-"id":1+AH0-',
      { 'Content-Type': 'application/json; charset=utf-7' },
    ],
    ['a compressed body', '{"id":1,"method":"ping"}', { 'Content-Encoding': 'gzip' }],
    [
      'another name in Mcp-Name than in the body',
      JSON.stringify(callOf(1, 'a')),
      { 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': 'b' },
    ],
    [
      'another method in Mcp-Method than in the body',
      JSON.stringify(callOf(1, 'a')),
      { 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/list' },
    ],
    [
      'base64 that is not canonical in Mcp-Name',
      JSON.stringify(callOf(1, 'a')),
      { 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': '=?base64?YQ?=' },
    ],
  ]

test('a body that two parsers could interpret differently never reaches the server', async () => {
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

test('a call takes its lane whatever the HTTP method of its request is', async () => {
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

test('an upgrade request to an MCP server is refused', async () => {
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
