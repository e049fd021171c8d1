/**
 * The ways of requests to an MCP server: which go through a lane, which pass beside the lanes, which a message cancels,
 * which streams are resumed, and what a drain still lets pass.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  callMessage,
  cancelMessage,
  CLOSING_CANCELS,
  EVENTS,
  McpWorld,
  mcpTools,
  reasonOf,
  SESSION,
  settled,
} from './mcp-world.ts'

const RESPONSE = { jsonrpc: '2.0', id: 7, result: {} }
const PING = { jsonrpc: '2.0', id: 8, method: 'ping' }
const INITIALIZED = { jsonrpc: '2.0', method: 'notifications/initialized' }
const LISTEN = { jsonrpc: '2.0', id: 9, method: 'subscriptions/listen' }
const JSON_TYPE = ['Content-Type', 'application/json']
const ANSWER = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { content: [] } })

test('the call of a tool runs in the lane that takes its name, and other messages pass beside the lanes', async () => {
  const world = new McpWorld()
  const calls = [await world.post(callMessage(1, 'x')), await world.post(callMessage(2, 'l_x'))]
  const ping = await world.post(PING)
  assert.deepEqual([world.depths('s').runs, world.depths('l').runs, world.beside.messages], [1, 1, 1])
  assert.deepEqual(world.sent, ['x', 'l_x', 'ping'])
  for (const exchange of world.exchanges) exchange.respond(200, ANSWER, JSON_TYPE)
  assert.deepEqual(
    [...calls, ping].map(({ status }) => status),
    [200, 200, 200],
  )
  assert.deepEqual(
    calls.map((caller) => caller.header('x-spillway-tool')),
    ['s', 'l'],
  )
  await world.isQuiet()
})

test('messages and streams pass while the lane of calls is full', async () => {
  const world = new McpWorld()
  const running = await world.post(callMessage())
  const stream = await world.ask('GET')
  const response = await world.post(RESPONSE)
  assert.deepEqual(world.beside, { messages: 1, streams: 1 })
  for (const exchange of world.exchanges) exchange.respond(202)
  assert.deepEqual([running.status, stream.status, response.status], [202, 202, 202])
  await world.isQuiet()
})

test('a request that opens a stream counts as a stream, and every other message as a message', async () => {
  const world = new McpWorld()
  await world.post(LISTEN)
  assert.deepEqual(world.beside, { messages: 0, streams: 1 })
  await world.ask('DELETE')
  await world.post(INITIALIZED)
  assert.deepEqual(world.beside, { messages: 2, streams: 1 })
  for (const exchange of world.exchanges) exchange.respond(202)
  await world.isQuiet()
})

test('a body that a server could misread is refused, and the server gets nothing', async () => {
  const world = new McpWorld()
  const upgrade = world.call({ url: '/s', protocol: 'websocket', headers: SESSION })
  const callers = [
    upgrade,
    await world.post({}, { text: '{' }),
    await world.post({ jsonrpc: '2.0', method: 'tools/call', params: { name: 'x' } }),
  ]
  assert.deepEqual(callers.map(reasonOf), ['BAD_REQUEST', 'BAD_REQUEST', 'BAD_REQUEST'])
  assert.deepEqual(world.exchanges, [])
  await world.isQuiet()
})

test('a call that is cancelled while it waits leaves the queue, its caller gets 202, and the server never hears of it', async () => {
  const world = new McpWorld()
  await world.post(callMessage(1, 'first'))
  const waiting = await world.post(callMessage(2, 'second'))
  assert.equal(world.depths('s').waits, 1)
  const cancel = await world.post(cancelMessage(2))
  assert.deepEqual([waiting.status, waiting.text, cancel.status], [202, '', 202])
  assert.equal(world.depths('s').waits, 0)
  world.at(0).respond(200, ANSWER, JSON_TYPE)
  assert.deepEqual(world.sent, ['first'])
  assert.deepEqual([world.outcomes, world.eventsOf('left').length], [['cancelled', 'completed'], 1])
  await world.isQuiet()
})

test('a cancel message that ends at Spillway is counted as a message', async () => {
  const world = new McpWorld()
  await world.post(callMessage(1))
  await world.post(callMessage(2))
  await world.post(cancelMessage(2))
  const methods = world.eventsOf('mcp').map(({ method }) => method)
  assert.deepEqual(methods, ['tools/call', 'tools/call', 'notifications/cancelled'])
})

test('a call that is cancelled in the moment of its grant gives its lease back and never begins', async () => {
  const world = new McpWorld(mcpTools())
  await world.post(callMessage(1, 'first'))
  const cancel = world.open()
  cancel.request.send(JSON.stringify(cancelMessage(2)))
  // The turn of this one is told first, in the same act of the lane as that of the call behind it.
  const before = world.server.gate.enter({}, (turn) => {
    cancel.request.complete = true
    cancel.request.emit('end')
    if (turn.kind === 'granted') turn.lease.settle({ cause: 'cancelled', verdict: 'ignored' })
  })
  const granted = await world.post(callMessage(2, 'second'))
  assert.deepEqual([before.kind, world.depths('s').waits], ['queued', 2])
  world.side.reload(mcpTools().replace('mcp: {}, maxConcurrent: 1', 'mcp: {}, maxConcurrent: 3'))
  assert.equal(world.eventsOf('started').length, 3, 'the lane had granted the lease')
  await settled()
  assert.deepEqual([granted.status, cancel.status, world.sent], [202, 202, ['first']])
  world.at(0).respond(200, ANSWER, JSON_TYPE)
  assert.deepEqual(world.leaseEnds, ['cancelled ignored', 'cancelled ignored', 'completed ok'])
  await world.isQuiet()
})

test('the cancelling of a call that runs goes on to the server, which ends the call', async () => {
  const world = new McpWorld()
  const running = await world.post(callMessage(1))
  const cancel = await world.post(cancelMessage(1))
  assert.deepEqual(world.sent, ['x', 'notifications/cancelled'])
  world.at(1).respond(202)
  world.at(0).head(200, EVENTS).end()
  assert.deepEqual([running.status, running.isEnded, cancel.status], [200, true, 202])
  assert.deepEqual(world.leaseEnds, ['completed ignored'])
  world.clock.advance(10_000)
  assert.equal(running.isCut, false)
  await world.isQuiet()
})

for (const [who, facts] of [
  ['another session', { headers: ['Mcp-Session-Id', 'b'] }],
  ['other credentials', { headers: [...SESSION, 'Authorization', 'b'] }],
  ['another agent', { headers: [...SESSION, 'X-Agent-Id', 'b'] }],
] as const) {
  test(`a call is not cancelled by ${who}: the message goes on, and the call keeps its place`, async () => {
    const world = new McpWorld()
    await world.post(callMessage(1))
    const waiting = await world.post(callMessage(2, 'second'))
    await world.post(cancelMessage(2), facts)
    assert.deepEqual([waiting.status, world.depths('s').waits], [undefined, 1])
    assert.deepEqual(world.sent, ['x', 'notifications/cancelled'])
    world.at(0).respond(200, ANSWER, JSON_TYPE)
    assert.equal(world.sent.at(-1), 'second')
    for (const exchange of world.exchanges.slice(1)) exchange.respond(202)
    await world.isQuiet()
  })
}

test('a message that cancels a call which is over goes to the server', async () => {
  const world = new McpWorld()
  await world.post(callMessage(1))
  world.at(0).respond(200, ANSWER, JSON_TYPE)
  const late = await world.post(cancelMessage(1))
  assert.deepEqual(world.sent, ['x', 'notifications/cancelled'])
  world.at(1).respond(202)
  assert.equal(late.status, 202)
  await world.isQuiet()
})

test('a batch of messages cancels the calls that they name', async () => {
  const world = new McpWorld()
  await world.post(callMessage(1))
  const waiting = await world.post(callMessage(2))
  const batch = await world.post([cancelMessage(2), INITIALIZED])
  assert.deepEqual([waiting.status, world.depths('s').waits, world.beside.messages], [202, 0, 1])
  for (const exchange of world.exchanges) exchange.respond(202)
  assert.equal(batch.status, 202)
  await world.isQuiet()
})

test('a shutdown cuts the streams, and leaves calls and messages alone', async () => {
  const world = new McpWorld()
  const [get, listen] = [await world.ask('GET'), await world.post(LISTEN)]
  for (const exchange of world.exchanges) exchange.head(200, EVENTS)
  const [running, message] = [await world.post(callMessage(1)), await world.post(PING)]
  void world.drain.start()
  world.pipeline.mcp.endStreams()
  assert.deepEqual(
    [get, listen, running, message].map(({ isCut }) => isCut),
    [true, true, false, false],
  )
  for (const exchange of world.exchanges.slice(2)) exchange.respond(200, ANSWER, JSON_TYPE)
  assert.deepEqual([running.status, message.status], [200, 200])
  await world.isQuiet()
})

test('a shutdown leaves alone a stream that ended before', async () => {
  const world = new McpWorld()
  const stream = await world.ask('GET')
  world.last.head(200, EVENTS).end()
  await settled()
  assert.equal(stream.isEnded, true)
  world.pipeline.mcp.endStreams()
  assert.equal(stream.isCut, false)
})

test('a drain refuses calls and new messages, and lets pass what running calls need to end', async () => {
  const world = new McpWorld()
  await world.post(callMessage(1))
  void world.drain.start()
  const refused = [
    await world.post(callMessage(2)),
    await world.post([callMessage(3)]),
    await world.post(PING),
    await world.post(LISTEN),
    await world.ask('GET'),
  ]
  assert.deepEqual(refused.map(reasonOf), Array(5).fill('DRAINING'))
  assert.deepEqual(world.sent, ['x'])
  const passing = [
    await world.post(RESPONSE),
    await world.post(INITIALIZED),
    await world.post(cancelMessage(1)),
    await world.ask('DELETE'),
  ]
  for (const exchange of world.exchanges) exchange.respond(202)
  assert.deepEqual(
    passing.map(({ status }) => status),
    [202, 202, 202, 202],
  )
  assert.deepEqual(world.sent.slice(1), [
    'response',
    'notifications/initialized',
    'notifications/cancelled',
    'DELETE',
  ])
  await world.isQuiet()
})

test('a call gets the class that the lane of its tool gives, not that of the server', async () => {
  const world = new McpWorld(mcpTools('', 'priority: { default: low }'))
  await world.post(callMessage(1, 'l_x'))
  await world.post(callMessage(2, 'x'))
  const classes = world.eventsOf('started').map(({ priority }) => priority)
  assert.deepEqual(classes, ['low', 'normal'])
})

test('an internal error at the dispatch of a call ends that call alone, settles its lease and answers INTERNAL', async () => {
  const world = new McpWorld(mcpTools().replaceAll('maxConcurrent: 1', 'maxConcurrent: 2'))
  const other = await world.post(callMessage(1))
  world.side.isFailing = true
  const broken = await world.post(callMessage(2), { headers: [...SESSION, ...CLOSING_CANCELS] })
  world.side.isFailing = false
  assert.deepEqual([reasonOf(broken), world.depths('s').runs], ['INTERNAL', 1])
  world.at(0).respond(200, ANSWER, JSON_TYPE)
  assert.equal(other.status, 200)
  await world.isQuiet(1)
})

test('an internal error while a call that waits is cancelled ends that call, and the message that cancelled it is accepted', async () => {
  const world = new McpWorld()
  await world.post(callMessage(1))
  const waiting = await world.post(callMessage(2))
  waiting.failing = 'head'
  const cancel = await world.post(cancelMessage(2))
  assert.deepEqual([reasonOf(waiting), cancel.status, world.depths('s').waits], ['INTERNAL', 202, 0])
  world.at(0).respond(200, ANSWER, JSON_TYPE)
  await world.isQuiet(1)
})

test('an internal error at the dispatch beside the lanes ends that message or stream alone', async () => {
  const world = new McpWorld()
  const other = await world.post(PING)
  world.side.isFailing = true
  const broken = await world.post(PING)
  const stream = await world.ask('GET')
  world.side.isFailing = false
  assert.deepEqual([reasonOf(broken), reasonOf(stream)], ['INTERNAL', 'INTERNAL'])
  assert.deepEqual(world.beside, { messages: 1, streams: 0 })
  world.at(0).respond(200, '{}', JSON_TYPE)
  assert.equal(other.status, 200)
  await world.isQuiet(2)
})
