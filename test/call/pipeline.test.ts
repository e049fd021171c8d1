/**
 * A call's way through the pipeline, from its head to its settled lease: each way that there is, and each ending.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { oneTool, World } from './world.ts'

test('a plain call reaches the tool at once, and its caller gets the answer', async () => {
  const world = new World(oneTool())
  const caller = world.call({ url: '/t/zen?q=1', headers: ['X-Own', 'a'] })
  assert.deepEqual(world.depths(), { runs: 1, waits: 0 })
  const { origin, path, options } = world.last
  assert.deepEqual([origin, options.method, path], ['http://t.internal:1', 'GET', '/v1/zen?q=1'])
  assert.equal(world.last.header('x-own'), 'a')
  world.last.respond(200, 'hello', ['Content-Type', 'text/plain'])
  assert.deepEqual([caller.status, caller.text], [200, 'hello'])
  assert.equal(caller.header('content-type'), 'text/plain')
  assert.equal(caller.header('x-spillway-tool'), 't')
  assert.deepEqual([world.outcomes, world.leaseEnds], [['completed'], ['completed ok']])
  await world.isQuiet()
})
