/**
 * The `mcp` key: servers, their lanes, and the conflicts between them.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planReload } from '../../src/config/reload.ts'
import { problemsIn, settingsIn, toolIn } from './reading.ts'

const SERVER =
  'tools:\n  s: { upstream: "http://h:1/base", match: [{ path: /x }], keepHost: true, mcp: {} }\n'

test('a lane of an MCP server has the upstream of the server, no match, and smaller defaults than plain lanes', () => {
  const text = `${SERVER}  l: { mcp: { server: s, tools: [a_*, "b?"], overload: http_429 } }\n`
  assert.deepEqual(toolIn(text, 's').mcp, { role: 'server', overload: 'tool_result' })
  const lane = toolIn(text, 'l')
  assert.deepEqual(lane.mcp, { role: 'lane', server: 's', globs: ['a_*', 'b?'], overload: 'http_429' })
  assert.deepEqual(lane.upstream, { origin: 'http://h:1', host: 'h:1', basePath: '/base' })
  assert.deepEqual([lane.match, lane.keepHost], [[], true])
  assert.deepEqual([lane.lane.ttlMs, lane.maxBodyBytes], [30_000, 4_194_304])
})

test('a written value wins over the smaller defaults of MCP lanes, also in defaults', () => {
  const text = `defaults: { ttlSeconds: 50 }\n${SERVER}  l: { mcp: { server: s, tools: [a] }, maxBodyBytes: 7 }\n`
  assert.deepEqual([toolIn(text, 's').lane.ttlMs, toolIn(text, 'l').maxBodyBytes], [50_000, 7])
})

const PROBLEMS: readonly (readonly [tool: string, problem: string])[] = [
  ['{}', '3:3 tools.l.upstream: is missing; write for example https://api.github.com'],
  ['{ mcp: {} }', '3:3 tools.l.upstream: is missing; write for example https://api.github.com'],
  ['{ mcp: { server: x, tools: [a] } }', '3:23 tools.l.mcp.server: "x" is no tool; write s'],
  [
    '{ mcp: { server: l, tools: [a] } }',
    '3:23 tools.l.mcp.server: l is a lane of an MCP server, not one; write the name of the server itself',
  ],
  [
    '{ upstream: "http://h" }\n  m: { mcp: { server: l, tools: [a] } }',
    '4:23 tools.m.mcp.server: l is no MCP server; write mcp: {} in tools.l, or name another',
  ],
  ['{ mcp: { server: s } }', '3:8 tools.l.mcp.tools: is missing; write for example [search_*]'],
  [
    '{ mcp: { server: s, tools: [a] }, upstream: "http://h" }',
    "3:40 tools.l.upstream: does nothing with mcp.server: the calls go the server's way; remove it, or write it at the server",
  ],
  [
    '{ mcp: { server: s, tools: [a] }, stripPath: true }',
    "3:40 tools.l.stripPath: does nothing with mcp.server: the calls go the server's way; remove it, or write it at the server",
  ],
  [
    '{ mcp: { server: s, tools: [a, "a"] } }',
    '3:37 tools.l.mcp.tools[1]: "a" is taken by tools.l.mcp.tools[0]; keep one of the two',
  ],
  [
    '{ upstream: "http://h", mcp: { tools: [a] } }',
    '3:37 tools.l.mcp.tools: does nothing without mcp.server: a server takes every call that no lane of it takes; remove it, or write server with the name of the tool that is the MCP server',
  ],
  [
    '{ mcp: { server: s, tools: [] } }',
    '3:33 tools.l.mcp.tools: must be a list of at least one name of an MCP tool, not an empty list; write for example [search_*, fetch]',
  ],
  [
    '{ upstream: "http://h", mcp: { overload: retry } }',
    '3:47 tools.l.mcp.overload: must be tool_result, jsonrpc_error or http_429, not "retry"; write for example tool_result',
  ],
  ['{ upstream: "http://h", mcp: { tool: [a] } }', '3:37 tools.l.mcp.tool: unknown key; did you mean tools?'],
]

for (const [tool, problem] of PROBLEMS) {
  test(`the MCP lane ${tool} is refused where it stands`, () => {
    assert.deepEqual(problemsIn(`${SERVER}  l: ${tool}\n`), [`tools.yaml:${problem}`])
  })
}

test('lanes of two servers may take the same name, lanes of one server may not', () => {
  const two = `${SERVER}  t: { upstream: "http://t", mcp: {} }\n  l: { mcp: { server: s, tools: [a] } }\n`
  assert.deepEqual(problemsIn(`${two}  m: { mcp: { server: t, tools: [a] } }\n`), [])
  assert.match(
    problemsIn(`${two}  m: { mcp: { server: s, tools: [a] } }\n`)[0] ?? '',
    /taken by tools\.l\.mcp/,
  )
})

test('mcp has no meaning in defaults', () => {
  assert.deepEqual(problemsIn(`defaults: { mcp: {} }\n${SERVER}`), [
    'tools.yaml:1:13 defaults.mcp: has no meaning here; write it in a tool',
  ])
})

test('a reload names mcp where other names are taken, and upstream in the lanes of a server that moved', () => {
  const before = settingsIn(`${SERVER}  l: { mcp: { server: s, tools: [a] } }\n`)
  const names = settingsIn(`${SERVER}  l: { mcp: { server: s, tools: [b] } }\n`)
  assert.deepEqual(
    planReload(before, names).changed.map(({ tool, keys }) => [tool, keys]),
    [['l', ['mcp']]],
  )
  const moved = settingsIn(`${SERVER.replace('h:1', 'h:2')}  l: { mcp: { server: s, tools: [a] } }\n`)
  assert.deepEqual(
    planReload(before, moved).changed.map(({ tool, keys }) => [tool, keys]),
    [
      ['s', ['upstream']],
      ['l', ['upstream']],
    ],
  )
})
