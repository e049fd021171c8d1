/**
 * What passes beside the lanes of an MCP server: messages and streams have a bound each, never wait, and leave no figures
 * in the lane.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Gate } from '../../src/gate/gate.ts'
import { FakeCaller } from '../support/fake-caller.ts'
import { EVENTS, McpWorld, mcpTools, reasonOf, SESSION, settled } from './mcp-world.ts'

const PING = { jsonrpc: '2.0', id: 8, method: 'ping' }
const JSON_TYPE = ['Content-Type', 'application/json']

/** Takes every place, and gives back how to free one. */
function fill(gate: Gate): () => void {
  for (let free = (): void => undefined; ;) {
    const entered = gate.enter({}, () => undefined)
    if (entered.kind !== 'granted') return free
    free = () => entered.lease.settle({ cause: 'completed', verdict: 'ignored' })
  }
}

for (const [what, others] of [
  ['messages', '256 other MCP messages'],
  ['streams', '1024 other MCP streams'],
] as const) {
  test(`one of the ${what} too many is refused at once, with their number, and the next finds a place`, async () => {
    const world = new McpWorld()
    const send = (): Promise<FakeCaller> => (what === 'messages' ? world.post(PING) : world.ask('GET'))
    const free = fill(world.server.traffic[what])
    const refused = await send()
    assert.deepEqual([refused.status, reasonOf(refused)], [429, 'QUEUE_SATURATED'])
    assert.ok(refused.text.includes(`it has ${others} already`), refused.text)
    assert.deepEqual(world.exchanges, [])
    free()
    const next = await send()
    world.last.respond(200, '{}', JSON_TYPE)
    assert.equal(next.status, 200)
  })
}

test('messages that are too many keep out no stream, and streams no message', async () => {
  const world = new McpWorld()
  fill(world.server.traffic.messages)
  await world.ask('GET')
  assert.deepEqual(world.sent, ['GET'])
  const other = new McpWorld()
  fill(other.server.traffic.streams)
  await other.post(PING)
  assert.deepEqual(other.sent, ['ping'])
})

test('nothing is told of what passes beside the lanes but that it came', async () => {
  const world = new McpWorld()
  await world.post(PING)
  world.last.respond(200, '{}', JSON_TYPE)
  const stream = await world.ask('GET')
  world.last.head(200, EVENTS).end()
  const leaving = await world.post(PING)
  leaving.leave()
  await settled()
  assert.equal(stream.isEnded, true)
  assert.deepEqual(
    world.told.map(({ tool, event }) => `${tool} ${event.kind}`),
    ['s mcp', 's mcp', 's mcp'],
  )
})

test('a refusal beside the lanes is told, as that of a call is', async () => {
  const world = new McpWorld()
  fill(world.server.traffic.messages)
  await world.post(PING)
  assert.deepEqual([world.reasons, world.outcomes], [['QUEUE_SATURATED'], ['refused']])
})

test('a stream needs a share of the connections for streams, and gets the reason why not', async () => {
  const world = new McpWorld()
  const caller = new FakeCaller({ url: '/s', headers: SESSION })
  caller.mayHold = (holder) => holder !== 's/streams'
  world.pipeline.handle(caller)
  await settled()
  assert.deepEqual(caller.holders, ['s', 's/streams'])
  assert.deepEqual([reasonOf(caller), world.exchanges], ['PROXY_OVERLOADED', []])
  await world.isQuiet()
})

test('a message needs a share of the connections for calls only', async () => {
  const world = new McpWorld()
  const caller = await world.post(PING)
  assert.deepEqual(caller.holders, ['s'])
  world.last.respond(200, '{}', JSON_TYPE)
  await world.isQuiet()
})

test('a server whose gates are closed refuses messages and streams with DRAINING', async () => {
  const world = new McpWorld()
  await world.post(PING)
  world.last.respond(200, '{}', JSON_TYPE)
  world.side.tools.closeGates()
  const refused = [await world.post(PING), await world.ask('GET')]
  assert.deepEqual(refused.map(reasonOf), ['DRAINING', 'DRAINING'])
  await world.isQuiet()
})

test('a silent server loses a message after the time of a call, and a stream only after a day', async () => {
  const world = new McpWorld(mcpTools('leaseSeconds: 10'))
  const [message, stream] = [await world.post(PING), await world.ask('GET')]
  world.at(1).head(200, EVENTS)
  world.clock.advance(60_000)
  assert.deepEqual([reasonOf(message), world.beside], ['LEASE_EXPIRED', { messages: 0, streams: 1 }])
  world.clock.advance(86_400_000)
  assert.deepEqual([stream.isCut, world.at(1).isAborted], [true, true])
  await world.isQuiet()
})

test('a caller that leaves ends its message at the server, and its place is free', async () => {
  const world = new McpWorld()
  const caller = await world.post(PING)
  world.last.start()
  caller.leave()
  assert.deepEqual([world.last.isAborted, world.beside.messages], [true, 0])
  await world.isQuiet()
})

test('an internal error when a message enters is answered with INTERNAL, and the next message passes', async () => {
  const world = new McpWorld()
  const { messages } = world.server.traffic
  Object.defineProperty(messages, 'enter', {
    value: () => {
      throw new Error('made up: enter fails')
    },
    configurable: true,
  })
  const broken = await world.post(PING)
  assert.equal(reasonOf(broken), 'INTERNAL')
  Reflect.deleteProperty(messages, 'enter')
  await world.post(PING)
  world.last.respond(200, '{}', JSON_TYPE)
  await world.isQuiet(1)
})
