/**
 * Calls that end where they seldom do, while their bodies still come or before their requests are made: they leave nothing
 * behind, and their callers may finish sending.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { McpCall } from '../../src/call/mcp-call.ts'
import { answerEvent, callMessage, EVENTS, McpWorld, settled } from './mcp-world.ts'
import { oneTool, World } from './world.ts'

test('a call that is refused while its body comes lets its caller finish sending', async (t) => {
  const world = new World(oneTool('ttlSeconds: 5'))
  const { lane } = world.side.tool('t').gate
  world.call()
  // The lane has changed its mind since the call was judged, so that its body comes while it waits.
  t.mock.method(lane, 'wouldRefuse', () => true)
  const caller = world.call({ method: 'POST', body: { toCome: true } })
  assert.deepEqual(world.depths(), { runs: 1, waits: 1 })
  for (let i = 0; i < 5; i++) {
    world.clock.advance(1000)
    caller.request.send(Buffer.alloc(20_000))
    await settled()
  }
  assert.deepEqual(world.reasons, ['QUEUE_TTL_EXPIRED'])
  for (let i = 0; i < 5; i++) {
    caller.request.send(Buffer.alloc(65_536))
    await settled()
  }
  caller.request.finish()
  await settled()
  assert.equal(world.drain.open, 1)
  world.last.respond(200, '')
  await world.isQuiet()
})

test('a call that an error ended while its body came never asks its lane', async () => {
  const world = new World(oneTool())
  world.call()
  const caller = world.call({ method: 'POST', body: { toCome: true } })
  caller.breakWriting(new Error('made up'))
  assert.deepEqual([caller.status, world.reasons], [500, ['INTERNAL']])
  caller.request.send('hello')
  caller.request.finish()
  await settled()
  assert.deepEqual(world.depths(), { runs: 1, waits: 0 })
  world.last.respond(200, '')
  await world.isQuiet(1)
})

test('an MCP message that an error ended while its body came does not go on', async () => {
  const world = new McpWorld()
  await world.post(callMessage(1))
  const caller = world.open()
  caller.breakWriting(new Error('made up'))
  caller.request.send(JSON.stringify(callMessage(2)))
  caller.request.finish()
  await settled()
  assert.deepEqual([caller.heads.length, world.depths('s')], [1, { runs: 1, waits: 0 }])
  world.at(0).respond(200, answerEvent(1), EVENTS)
  await world.isQuiet(1)
})

test('an error before the request of an MCP call is made gives its lease back', async (t) => {
  const world = new McpWorld()
  const run = t.mock.method(McpCall.prototype, 'run', () => {
    throw new Error('made up')
  })
  await world.post(callMessage(1))
  run.mock.restore()
  assert.deepEqual([world.reasons, world.depths('s').runs], [['INTERNAL'], 0])
  await world.isQuiet(1)
})
