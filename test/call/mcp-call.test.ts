/**
 * The calls of an MCP server's tools while they run: how long a cancelled call and an answered stream may go on, and what
 * becomes of a call whose caller has gone.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  answerEvent,
  callMessage,
  cancelMessage,
  CLOSING_CANCELS,
  EVENTS,
  McpWorld,
  reasonOf,
  SESSION,
} from './mcp-world.ts'

const ANSWER = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { content: [] } })
const JSON_TYPE = ['Content-Type', 'application/json']
const KEEP_ALIVE = 'data: {"jsonrpc":"2.0","method":"notifications/progress"}\n\n'

test('a server has 5 s to end a call that was cancelled, and is then cut off', async () => {
  const world = new McpWorld()
  const caller = await world.post(callMessage())
  world.at(0).head(200, EVENTS)
  await world.post(cancelMessage())
  world.at(1).respond(202)
  world.clock.advance(4999)
  assert.deepEqual([caller.isCut, world.at(0).isAborted, world.depths('s').runs], [false, false, 1])
  world.clock.advance(1)
  assert.equal(caller.isCut, true)
  await world.isQuiet()
  assert.equal(world.at(0).isAborted, true)
  assert.deepEqual([world.outcomes, world.leaseEnds], [['cancelled'], ['cancelled ignored']])
})

test('a second message that cancels the same call gives the server no more time', async () => {
  const world = new McpWorld()
  const caller = await world.post(callMessage())
  world.at(0).head(200, EVENTS)
  await world.post(cancelMessage())
  world.last.respond(202)
  world.clock.advance(3000)
  const { timers } = world.clock
  await world.post(cancelMessage())
  world.last.respond(202)
  assert.equal(world.clock.timers, timers)
  assert.deepEqual(world.sent, ['x', 'notifications/cancelled', 'notifications/cancelled'])
  world.clock.advance(2000)
  assert.equal(caller.isCut, true)
  await world.isQuiet()
})

test('a cancelled call that is answered within its 5 s is left alone, and its latency is no sample', async () => {
  const world = new McpWorld()
  const caller = await world.post(callMessage())
  await world.post(cancelMessage())
  world.at(1).respond(202)
  const before = world.clock.timers
  world.clock.advance(1000)
  world.at(0).respond(200, ANSWER, JSON_TYPE)
  assert.equal(world.clock.timers, before - 1, 'the timer of the 5 s is cleared')
  world.clock.advance(10_000)
  assert.deepEqual([caller.text, caller.isCut], [ANSWER, false])
  assert.equal(world.server.gate.lane.snapshot(world.clock.nowMs()).p95Ms, undefined)
  await world.isQuiet()
})

test('a call that is cancelled after its caller had gone ends after 5 s, too', async () => {
  const world = new McpWorld()
  const caller = await world.post(callMessage())
  world.at(0).head(200, EVENTS)
  caller.leave()
  await world.post(cancelMessage())
  world.at(1).respond(202)
  world.clock.advance(4999)
  assert.deepEqual([world.at(0).isAborted, world.depths('s').runs], [false, 1])
  world.clock.advance(1)
  assert.deepEqual([world.at(0).isAborted, world.depths('s').runs], [true, 0])
  await world.isQuiet()
})

test('a call that lasts detached from its stream ends 5 s after it is cancelled', async () => {
  const world = new McpWorld()
  await world.post(callMessage())
  world.at(0).head(200, EVENTS).data('id: 1\ndata: \n\n').end()
  assert.equal(world.depths('s').runs, 1, 'the server may end a stream that can be resumed')
  await world.post(cancelMessage())
  world.at(1).respond(202)
  world.clock.advance(4999)
  assert.equal(world.depths('s').runs, 1)
  world.clock.advance(1)
  assert.deepEqual([world.depths('s').runs, world.leaseEnds], [0, ['cancelled ignored']])
  await world.isQuiet()
})

test('a stream may go on for 30 s after its call was answered, without a lease', async () => {
  const world = new McpWorld()
  const caller = await world.post(callMessage())
  world.at(0).head(200, EVENTS).data(answerEvent())
  assert.deepEqual([world.depths('s').runs, world.leaseEnds], [0, ['completed ok']])
  world.clock.advance(29_999)
  world.at(0).data(KEEP_ALIVE)
  assert.deepEqual([caller.isCut, world.at(0).isAborted], [false, false])
  world.clock.advance(1)
  assert.deepEqual([caller.isCut, world.at(0).isAborted], [true, true])
  await world.isQuiet()
})

test('a stream that ends within the 30 s after its answer ended whole', async () => {
  const world = new McpWorld()
  const caller = await world.post(callMessage())
  world.at(0).head(200, EVENTS).data(answerEvent())
  world.clock.advance(10_000)
  world.at(0).data(KEEP_ALIVE).end()
  await world.isQuiet()
  world.clock.advance(60_000)
  assert.deepEqual([caller.isEnded, caller.isCut, world.outcomes], [true, false, ['completed']])
})

test('the stream of an answered call whose caller has gone is not kept', async () => {
  const world = new McpWorld()
  const caller = await world.post(callMessage())
  world.at(0).head(200, EVENTS)
  caller.leave()
  assert.equal(world.at(0).isAborted, false)
  world.at(0).data(answerEvent())
  assert.equal(world.at(0).isAborted, true)
  assert.deepEqual(world.leaseEnds, ['completed ok'])
  await world.isQuiet()
})

test('a caller that leaves after the answer ends its stream at once', async () => {
  const world = new McpWorld()
  const caller = await world.post(callMessage())
  world.at(0).head(200, EVENTS).data(answerEvent())
  assert.equal(world.at(0).isAborted, false)
  caller.leave()
  assert.equal(world.at(0).isAborted, true)
  await world.isQuiet()
})

test('closing the connection leaves a call running, and cancels it since the revision that says so', async () => {
  const world = new McpWorld()
  const before = await world.post(callMessage(1, 'x'))
  const since = await world.post(callMessage(2, 'l_x'), { headers: [...SESSION, ...CLOSING_CANCELS] })
  for (const exchange of world.exchanges) exchange.head(200, EVENTS)
  for (const caller of [before, since]) caller.leave()
  assert.deepEqual([world.at(0).isAborted, world.at(1).isAborted], [false, true])
  assert.deepEqual([world.depths('s').runs, world.depths('l').runs], [1, 0])
  world.at(0).data(answerEvent(1)).end()
  await world.isQuiet()
})

test('a caller that leaves while its call waits takes the call out of the queue', async () => {
  const world = new McpWorld()
  await world.post(callMessage(1, 'first'))
  const waiting = await world.post(callMessage(2, 'second'))
  waiting.leave()
  assert.equal(world.depths('s').waits, 0)
  world.at(0).respond(200, ANSWER, JSON_TYPE)
  assert.deepEqual(world.sent, ['first'])
  await world.isQuiet()
})

test('a call whose caller has gone in the moment of its grant gives its lease back and never begins', async () => {
  const world = new McpWorld()
  await world.post(callMessage(1, 'first'))
  const waiting = await world.post(callMessage(2, 'second'))
  // The end of the exchange is told in a later turn.
  waiting.cut()
  world.at(0).respond(200, ANSWER, JSON_TYPE)
  assert.deepEqual(world.sent, ['first'])
  assert.deepEqual(world.leaseEnds, ['completed ok', 'cancelled ignored'])
  await world.isQuiet()
})

test('a call that a silent server loses is answered with LEASE_EXPIRED and forgotten', async () => {
  const world = new McpWorld()
  const caller = await world.post(callMessage())
  world.at(0).start()
  world.clock.advance(3_600_000)
  assert.deepEqual([reasonOf(caller), world.leaseEnds], ['LEASE_EXPIRED', ['reclaimed dropped']])
  await world.isQuiet()
})

test('an internal error while an answer passes ends that call, gives its lease back and forgets it', async () => {
  const world = new McpWorld()
  const caller = await world.post(callMessage())
  caller.failing = 'write'
  world.at(0).head(200, EVENTS).data(KEEP_ALIVE)
  assert.deepEqual([caller.isCut, world.at(0).isAborted, world.depths('s').runs], [true, true, 0])
  const late = await world.post(cancelMessage())
  assert.equal(world.sent.at(-1), 'notifications/cancelled')
  world.last.respond(202)
  assert.equal(late.status, 202)
  await world.isQuiet(1)
})

test('an internal error when a cancelled call is cut off is told and gives its lease back', async () => {
  const world = new McpWorld()
  const caller = await world.post(callMessage())
  world.at(0).head(200, EVENTS)
  await world.post(cancelMessage())
  world.at(1).respond(202)
  caller.failing = 'cut'
  world.clock.advance(5000)
  assert.deepEqual([caller.isCut, world.depths('s').runs], [true, 0])
  await world.isQuiet(1)
})
