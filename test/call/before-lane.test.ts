/**
 * Refusals that need no lane: in a drain, by the size of the body, and by the lane's share of connections. None of them
 * counts in the lane.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeCaller } from '../support/fake-caller.ts'
import { oneTool, World } from './world.ts'

/** The lane was not asked. */
function wasNotAsked(world: World): void {
  assert.deepEqual([world.eventsOf('admitted'), world.eventsOf('started'), world.exchanges], [[], [], []])
}

test('in a drain a call is refused with DRAINING, and the callers come back at different times', async () => {
  const after = [0, 0.5, 0.999].map((random) => {
    const world = new World(oneTool())
    world.random = random
    void world.drain.start()
    const caller = world.call()
    assert.deepEqual([caller.status, caller.header('x-spillway-reason')], [503, 'DRAINING'])
    assert.equal(caller.heads[0]?.isLast, true, 'the connection ends with it')
    wasNotAsked(world)
    return Number(caller.header('retry-after-ms'))
  })
  assert.ok(after.every((ms) => ms > 0))
  assert.equal(new Set(after).size, 3)
  const world = new World(oneTool())
  void world.drain.start()
  world.call()
  await world.isQuiet()
})

test('a body that is declared larger than the tool takes is refused without being asked for', async () => {
  const world = new World(oneTool('maxBodyBytes: 100'))
  const body = { toCome: true, declaredBytes: 101 } as const
  const caller = world.call({ method: 'POST', awaitsContinue: true, body })
  assert.deepEqual([caller.status, caller.header('x-spillway-reason')], [413, 'BODY_TOO_LARGE'])
  assert.equal(caller.proceeds, 0)
  wasNotAsked(world)
  await world.isQuiet()
})

test('a body of exactly the bound is taken', async () => {
  const world = new World(oneTool('maxBodyBytes: 5'))
  const caller = world.call({ method: 'POST', body: '12345' })
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(await world.last.takeBody(), '12345')
  world.last.respond(200)
  assert.equal(caller.status, 200)
  await world.isQuiet()
})

test('a call beyond the share of its lane in the connections is refused with PROXY_OVERLOADED', async () => {
  const world = new World(oneTool())
  const caller = new FakeCaller()
  caller.mayHold = () => false
  world.pipeline.handle(caller)
  assert.deepEqual(caller.holders, ['t'])
  assert.deepEqual([caller.status, caller.header('x-spillway-reason')], [503, 'PROXY_OVERLOADED'])
  assert.ok(Number(caller.header('retry-after-ms')) > 0)
  wasNotAsked(world)
  await world.isQuiet()
})

test('a call that is refused for another reason takes no share of the connections', () => {
  const world = new World(oneTool('maxBodyBytes: 1'))
  const tooLarge = world.call({ method: 'POST', body: '12' })
  void world.drain.start()
  const draining = world.call()
  assert.deepEqual([tooLarge.holders, draining.holders], [[], []])
})

test('an internal error when the share is taken is answered with INTERNAL', async () => {
  const world = new World(oneTool())
  const caller = new FakeCaller()
  caller.mayHold = () => {
    throw new Error('made up: hold fails')
  }
  world.pipeline.handle(caller)
  assert.equal(caller.header('x-spillway-reason'), 'INTERNAL')
  wasNotAsked(world)
  await world.isQuiet(1)
})
