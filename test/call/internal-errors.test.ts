/**
 * An error of Spillway's own ends the call that it meets, in whatever state that is, and nothing else: what the call
 * holds is given back, and its caller reads INTERNAL with an honest `not_executed`, or sees its connection cut.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { oneTool, World } from './world.ts'

const RETRIES = 'retries: { max: 2, on: [503], budgetRatio: 1 }'
const MADE_UP = new Error('made up')

test('an error while the body is read ahead ends the call, and the tool was not called', async () => {
  const world = new World(oneTool())
  const caller = world.call({ method: 'POST', body: { toCome: true } })
  caller.breakWriting(MADE_UP)
  assert.deepEqual(
    [caller.status, caller.json['reason'], caller.json['not_executed']],
    [500, 'INTERNAL', true],
  )
  caller.request.finish()
  await world.isQuiet(1)
})

test('an error while a call waits takes it out of the queue', async () => {
  const world = new World(oneTool())
  world.call()
  const waiting = world.call()
  waiting.breakWriting(MADE_UP)
  assert.deepEqual([waiting.json['not_executed'], world.depths()], [true, { runs: 1, waits: 0 }])
  world.last.respond(200)
  assert.equal(world.exchanges.length, 1)
  await world.isQuiet(1)
})

test('an error at the dispatch of a call settles its lease, and the next call starts', async () => {
  const world = new World(oneTool())
  world.side.isFailing = true
  const broken = world.call()
  world.side.isFailing = false
  assert.deepEqual([broken.json['reason'], broken.json['not_executed']], ['INTERNAL', true])
  world.call()
  world.last.respond(200)
  await world.isQuiet(1)
})

test('an error before the head of the answer gives the lease back and says that the tool may have seen the call', async () => {
  const world = new World(oneTool())
  const caller = world.call()
  world.last.start()
  caller.breakWriting(MADE_UP)
  assert.deepEqual([caller.json['reason'], caller.json['not_executed']], ['INTERNAL', false])
  assert.deepEqual([world.last.isAborted, world.leaseEnds], [true, ['failed ignored']])
  await world.isQuiet(1)
})

test('an error in the middle of the answer cuts the connection', async () => {
  for (const failing of ['write', 'end'] as const) {
    const world = new World(oneTool())
    const caller = world.call()
    world.last.head(200).data('first')
    caller.failing = failing
    if (failing === 'write') world.last.data('second')
    else world.last.end()
    assert.deepEqual([caller.isCut, world.outcomes], [true, ['broken']], failing)
    await world.isQuiet(1)
  }
})

test('an error between two attempts ends the call, which the tool has seen', async () => {
  const world = new World(oneTool(RETRIES))
  const caller = world.call()
  world.last.respond(503)
  caller.breakWriting(MADE_UP)
  assert.deepEqual([caller.json['reason'], caller.json['not_executed']], ['INTERNAL', false])
  world.clock.advance(10_000)
  assert.equal(world.exchanges.length, 1)
  await world.isQuiet(1)
})

test('an error when a refusal is written cuts the connection', async () => {
  const world = new World(oneTool('ttlSeconds: 5'))
  world.call()
  world.last.start()
  const waiting = world.call()
  waiting.failing = 'end'
  world.clock.advance(5000)
  assert.deepEqual([waiting.isCut, world.depths()], [true, { runs: 1, waits: 0 }])
  world.last.respond(200)
  await world.isQuiet(1)
})

test('an error after the whole answer concerns nobody', async () => {
  const world = new World(oneTool())
  const caller = world.call()
  world.last.respond(200, 'all')
  await turn()
  caller.breakWriting(MADE_UP)
  assert.deepEqual([caller.text, caller.isCut, world.outcomes], ['all', false, ['completed']])
  await world.isQuiet(1)
})

test('an error that follows another one still ends the call', async () => {
  const world = new World(oneTool())
  const caller = world.call()
  world.last.start()
  caller.failing = 'head'
  caller.breakWriting(MADE_UP)
  assert.deepEqual([caller.isCut, world.last.isAborted, world.depths().runs], [true, true, 0])
  await world.isQuiet(2)
})
