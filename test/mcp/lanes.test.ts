/**
 * Which lane of an MCP server takes a call, by the name of the called tool.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { McpLanes } from '../../src/mcp/lanes.ts'

const lanes = new McpLanes([
  { lane: 'all', server: 'files', globs: ['*'] },
  { lane: 'read', server: 'files', globs: ['read_*'] },
  { lane: 'twin', server: 'files', globs: ['*_read'] },
  { lane: 'one', server: 'files', globs: ['read_one', 'read_1'] },
  { lane: 'late', server: 'files', globs: ['read_one'] },
  { lane: 'search', server: 'web', globs: ['search'] },
])

test('an exact name goes before a pattern, more literal characters before fewer, the first written before others', () => {
  const names = ['read_one', 'read_1', 'read_two', 'x', 'read_read', '__proto__']
  assert.deepEqual(
    names.map((name) => lanes.laneOf('files', name)),
    ['one', 'one', 'read', 'all', 'read', 'all'],
  )
})

test('a call that no glob matches takes the lane of the server, and so does every call of a server without lanes', () => {
  assert.equal(lanes.laneOf('web', 'search'), 'search')
  assert.equal(lanes.laneOf('web', 'Search'), 'web')
  assert.equal(lanes.laneOf('web', 'read_one'), 'web')
  assert.equal(lanes.laneOf('mail', 'search'), 'mail')
})
