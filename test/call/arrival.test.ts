/**
 * How a call begins: its id, its routing, its class; requests that no tool takes are answered, and a shutdown waits until
 * each exchange is over.
 */
import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'
import { FakeCaller } from '../support/fake-caller.ts'
import { oneTool, World } from './world.ts'

/** The id under which the tool got the only call of a new world. */
function idAtTool(said: string): string {
  const world = new World(oneTool())
  world.call({ headers: ['X-Request-Id', said] })
  return world.last.header('x-request-id') ?? ''
}

test('the request id of the caller is kept where it is well formed', () => {
  for (const id of ['a', 'trace.7~x_y:z@w+v/u=t-s', 'a'.repeat(128)]) assert.equal(idAtTool(id), id)
})

test('a request id that is missing or malformed is replaced', () => {
  const malformed = ['', 'a b', 'a'.repeat(129), 'ä', '"']
  const ids = malformed.map(idAtTool)
  for (const id of ids) assert.match(id, /^[\w-]{8,128}$/)
  assert.equal(new Set([...ids, ...malformed]).size, ids.length + malformed.length)
})

test('a refusal carries the request id of the caller', async () => {
  const world = new World(oneTool())
  const caller = world.call({ url: '/nothing', headers: ['X-Request-Id', 'mine'] })
  assert.equal(caller.json['request_id'], 'mine')
  await world.isQuiet()
})

for (const [what, facts, status, reason] of [
  ['a path that no tool has', { url: '/nothing' }, 404, 'NO_ROUTE'],
  ['a target that is none', { url: 'nothing' }, 400, 'BAD_REQUEST'],
] as const) {
  test(`${what} is answered with ${reason}, and a shutdown waits until the answer is out`, async () => {
    const world = new World(oneTool())
    const caller = world.call(facts)
    assert.deepEqual([caller.status, caller.header('x-spillway-reason')], [status, reason])
    assert.deepEqual([world.reasons, world.outcomes], [[reason], ['refused']])
    assert.deepEqual([world.told[0]?.tool, world.drain.open], ['-', 1])
    await world.isQuiet()
  })
}

test('OPTIONS that may be passed on no further is answered here', async () => {
  const world = new World(oneTool())
  const caller = world.call({ method: 'OPTIONS', headers: ['Max-Forwards', '0'] })
  assert.deepEqual([caller.status, caller.isEnded, world.exchanges], [200, true, []])
  assert.deepEqual(world.outcomes, ['completed'])
  await world.isQuiet()
})

test('a shutdown waits from the head of a call until its exchange is over', async () => {
  const world = new World(oneTool())
  world.call()
  assert.equal(world.drain.open, 1)
  world.last.head(200).data('a')
  await turn()
  assert.equal(world.drain.open, 1)
  world.last.end()
  await world.isQuiet()
})

test('a caller that leaves before its unrouted request is answered is not waited for', async () => {
  const world = new World(oneTool())
  const caller = world.call({ url: '/nothing', method: 'POST', body: { toCome: true } })
  assert.equal(world.drain.open, 1)
  caller.leave()
  await world.isQuiet()
})

/** Routing throws once. */
function breakRouting(world: World, caller: () => FakeCaller): FakeCaller {
  const { tools } = world.side
  Object.defineProperty(tools, 'router', {
    get: () => {
      throw new Error('made up: no router')
    },
    configurable: true,
  })
  const broken = caller()
  Reflect.deleteProperty(tools, 'router')
  return broken
}

test('an internal error in routing is answered with INTERNAL, and the next call is served', async () => {
  const world = new World(oneTool())
  const broken = breakRouting(world, () => world.call({ headers: ['X-Request-Id', 'mine'] }))
  assert.deepEqual([broken.status, broken.header('x-spillway-reason')], [500, 'INTERNAL'])
  assert.deepEqual([broken.json['not_executed'], broken.json['request_id']], [true, 'mine'])
  assert.equal(world.eventsOf('internal_error')[0]?.requestId, 'mine')
  const next = world.call()
  world.last.respond(200, 'hello')
  assert.equal(next.text, 'hello')
  await world.isQuiet(1)
})

test('an internal error in refusing an unrouted request is answered with INTERNAL', async () => {
  const world = new World(oneTool())
  const caller = new FakeCaller({ url: '/nothing' })
  caller.failing = 'head'
  world.pipeline.handle(caller)
  assert.equal(caller.header('x-spillway-reason'), 'INTERNAL')
  await world.isQuiet(1)
})

test('an unrouted request whose answer cannot be written is cut', async () => {
  const world = new World(oneTool())
  const caller = world.call({ url: '/nothing', method: 'POST', body: { toCome: true } })
  caller.breakWriting(new Error('made up: writing fails'))
  assert.equal(caller.isCut, true)
  await world.isQuiet(1)
})

test('the class of a call is what its caller claims, as far as the lane allows it', () => {
  const world = new World(
    oneTool('priority: { max: normal }').replace('maxConcurrent: 1', 'maxConcurrent: 9'),
  )
  for (const word of ['low', 'critical']) world.call({ headers: ['X-Spillway-Priority', word] })
  assert.deepEqual(
    world.eventsOf('started').map(({ priority }) => priority),
    ['low', 'normal'],
  )
})
