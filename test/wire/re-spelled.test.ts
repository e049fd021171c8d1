/**
 * A tool that decodes paths, behind a wide lane and a narrow one. No spelling of the narrow path may reach the tool
 * through the wide lane, and a path that every server reads alike must arrive byte for byte.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resourceAt } from '../route/decoding-server.ts'
import type { ServerManner } from '../route/decoding-server.ts'
import { fakeTool } from '../support/fake-tool.ts'
import { startSpillway } from '../support/process.ts'
import { exchange } from '../support/raw.ts'

const COMMON: ServerManner = {
  slash: false,
  backslash: false,
  parameters: 'kept',
  mergesSlashes: true,
  ignoresCase: false,
}

/** Spellings of /api/heavy, each with the manner of a server that reads it so. */
const SPELLINGS: readonly [path: string, manner: Partial<ServerManner>][] = [
  ['/api/heavy', {}],
  ['/api/%68eavy', {}],
  ['/%61%70%69/%68%65%61%76%79', {}],
  ['/api/heav%79/', {}],
  ['/api//heavy', {}],
  ['//api/heavy', {}],
  ['/api/heavy;v=1', { parameters: 'cut' }],
  ['/api;a/heavy;b;c=d', { parameters: 'cut' }],
  ['/api/;x/heavy', { parameters: 'cut' }],
  ['/api/;%2fx/heavy', { parameters: 'cut' }],
  ['/api/heavy%2f', { slash: true }],
  ['/api%2fheavy', { slash: true }],
  ['/api;a%2Fheavy', { slash: true, parameters: 'cut' }],
  ['/api/heavy%5C', { backslash: true }],
  ['/api%5cheavy', { backslash: true }],
  ['/api/heavy%3bv=1', { parameters: 'cut after decoding' }],
]

/** A server that records the URL of each request which it reads as one for the narrow resource. */
async function decodingTool(manner: () => ServerManner) {
  const heavyVia: string[] = []
  const tool = await fakeTool((request, response) => {
    const url = request.url ?? ''
    const isHeavy = resourceAt(url.split('?', 1)[0] ?? '', manner()).join('/') === 'api/heavy'
    if (isHeavy) heavyVia.push(url)
    response.setHeader('X-Resource', isHeavy ? 'heavy' : 'other').end(url)
  })
  return { tool, heavyVia, [Symbol.asyncDispose]: () => tool[Symbol.asyncDispose]() }
}

const get = (path: string, host = 'a') => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`
const laneOf = (answer: string) => /x-spillway-tool: (\S+)/i.exec(answer)?.[1]

test('any spelling of the narrow path reaches a decoding tool through the narrow lane or not at all', async () => {
  let manner = COMMON
  await using server = await decodingTool(() => manner)
  await using spillway = await startSpillway(`
tools:
  wide: { upstream: "${server.tool.url}", match: [{ path: /api }], stripPath: false }
  heavy: { upstream: "${server.tool.url}", match: [{ path: /api/heavy }], stripPath: false }
`)
  for (const [path, differs] of SPELLINGS) {
    manner = { ...COMMON, ...differs }
    const answer = await exchange(spillway.proxyPort, get(path))
    if (/^HTTP\/1\.1 400/.test(answer)) assert.match(answer, /BAD_REQUEST/)
    else {
      assert.match(answer, /^HTTP\/1\.1 200[^]*x-resource: heavy/i, path)
      assert.equal(laneOf(answer), 'heavy', path)
      assert.equal(server.heavyVia.at(-1), path)
    }
  }
  const { totals } = await spillway.lane('wide')
  assert.equal(totals.admitted, 0)
})

test('an unambiguous path is forwarded as it was written, without its prefix', async () => {
  await using server = await decodingTool(() => COMMON)
  await using spillway = await startSpillway(`
tools:
  wide: { upstream: "${server.tool.url}/base", match: [{ path: /api }] }
  heavy: { upstream: "${server.tool.url}", match: [{ path: /api/heavy }] }
  loud: { upstream: "${server.tool.url}", match: [{ path: /Loud, ignoreCase: true }] }
  host: { upstream: "${server.tool.url}", match: [{ host: "Tools.Internal." }, { host: "[0::1]" }] }
`)
  const rows: readonly [path: string, host: string, forwarded: string, lane: string][] = [
    ['/api/projects/group%2Fname?a=%2F;b', 'a', '/base/projects/group%2Fname?a=%2F;b', 'wide'],
    ['/%61pi/x%20y//z;v=1', 'a', '/base/x%20y//z;v=1', 'wide'],
    ['//api;s=1//he%61vy;t/x;y', 'a', '/x;y', 'heavy'],
    ['/api/%2568eavy', 'a', '/base/%2568eavy', 'wide'],
    ['/api/x/100%', 'a', '/base/x/100%', 'wide'],
    ['/LOUD/X', 'a', '/X', 'loud'],
    ['/api%2Fheavy', 'tools.internal:8080', '/api%2Fheavy', 'host'],
    ['/x', 'TOOLS.internal..', '/x', 'host'],
    ['/x', '[0:0:0:0:0:0:0:1]:80', '/x', 'host'],
    ['http://Tools.INTERNAL.:80/x', 'a', '/x', 'host'],
  ]
  for (const [path, host, forwarded, lane] of rows) {
    const answer = await exchange(spillway.proxyPort, get(path, host))
    assert.equal(answer.slice(answer.indexOf('\r\n\r\n') + 4), forwarded, path)
    assert.equal(laneOf(answer), lane)
  }
})

test("another spelling of a lane's name works at the admin listener and for an MCP server, too", async () => {
  await using server = await decodingTool(() => COMMON)
  await using spillway = await startSpillway(
    `tools: { mcp: { upstream: "${server.tool.url}", mcp: {} }, other: { upstream: "${server.tool.url}" } }`,
  )
  const lane = (await (await fetch(`${spillway.admin}/lanes/%6Dcp`)).json()) as { tool: string }
  assert.equal(lane.tool, 'mcp')
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'x' } })
  const head = `Host: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close`
  const answer = await exchange(spillway.proxyPort, `POST //%6Dcp;s HTTP/1.1\r\n${head}\r\n\r\n${body}`)
  assert.equal(laneOf(answer), 'mcp')
  assert.equal((await spillway.lane('mcp')).totals.admitted, 1)
})
