/**
 * Bodies of requests to MCP servers: within 30 s and a bound, counted from the first byte until the call is over, and read
 * in steps when they are long.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { maxBodyMemoryBytes } from '../../src/capacity/message-memory.ts'
import { FakeCaller } from '../support/fake-caller.ts'
import { callMessage, EVENTS, McpWorld, mcpTools, reasonOf, SESSION, settled } from './mcp-world.ts'

const MIB = 1_048_576
const PING = { jsonrpc: '2.0', id: 8, method: 'ping' }
const ANSWER = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { content: [] } })
const JSON_TYPE = ['Content-Type', 'application/json']
/** A call that is longer than what is read in one step. */
const LONG = JSON.stringify({ ...callMessage(), filler: 'a'.repeat(400_000) })

function heldBytes(world: McpWorld): number {
  return world.pipeline.mcp.heldBytes
}

test('a body that has not come whole after 30 s is refused as too slow, and not held', async () => {
  const world = new McpWorld()
  const caller = world.open()
  caller.request.send(JSON.stringify(callMessage()))
  await settled()
  assert.ok(heldBytes(world) > 0)
  world.clock.advance(29_999)
  assert.equal(caller.status, undefined)
  world.clock.advance(1)
  assert.deepEqual([reasonOf(caller), heldBytes(world), world.clock.timers], ['REQUEST_TIMEOUT', 0, 0])
  assert.ok(caller.text.includes('no whole body within 30 s'))
  assert.equal(caller.heads[0]?.isLast, true)
  caller.leave()
  await world.isQuiet()
})

test('the body of a caller that leaves while it comes is not held', async () => {
  const world = new McpWorld()
  const caller = world.open()
  caller.request.send('{"jsonrpc"')
  await settled()
  assert.ok(heldBytes(world) > 0)
  caller.leave()
  await settled()
  assert.deepEqual([heldBytes(world), world.clock.timers], [0, 0])
  await world.isQuiet()
})

test('a body is held until its call is over, also when its caller has gone', async () => {
  const world = new McpWorld()
  const caller = await world.post(callMessage())
  const bytes = heldBytes(world)
  world.at(0).head(200, EVENTS)
  caller.leave()
  await settled()
  assert.ok(bytes > 0)
  assert.equal(heldBytes(world), bytes)
  world.at(0).end()
  assert.equal(heldBytes(world), 0)
  await world.isQuiet()
})

test('the body of a call whose caller leaves the queue is given back', async () => {
  const world = new McpWorld()
  await world.post(callMessage(1))
  const bytes = heldBytes(world)
  const waiting = await world.post(callMessage(2))
  assert.equal(heldBytes(world), 2 * bytes)
  waiting.leave()
  assert.equal(heldBytes(world), bytes)
  world.at(0).respond(200, ANSWER, JSON_TYPE)
  await world.isQuiet()
})

test('the body of a refused request is held until its answer is out', async () => {
  const world = new McpWorld()
  const caller = world.open()
  caller.isSlow = true
  caller.request.send('{"jsonrpc":"2.0"}')
  caller.request.finish()
  await settled()
  assert.equal(reasonOf(caller), 'BAD_REQUEST')
  assert.ok(heldBytes(world) > 0)
  caller.readUp()
  await settled()
  assert.equal(heldBytes(world), 0)
  await world.isQuiet()
})

test('a body is too large by what it declares or by what comes, and is not asked for in vain', async () => {
  const world = new McpWorld(mcpTools('maxBodyBytes: 100'))
  const headers = ['Content-Type', 'application/json', ...SESSION]
  const declared = new FakeCaller({
    method: 'POST',
    url: '/s',
    headers,
    awaitsContinue: true,
    body: { toCome: true, declaredBytes: 101 },
  })
  world.pipeline.handle(declared)
  assert.deepEqual([reasonOf(declared), declared.proceeds], ['BODY_TOO_LARGE', 0])
  const coming = world.open()
  coming.request.send('a'.repeat(101))
  await settled()
  assert.equal(reasonOf(coming), 'BODY_TOO_LARGE')
  assert.equal(heldBytes(world), 0)
  coming.leave()
  await world.isQuiet()
})

test('a caller that waits to be asked for its body is asked once', () => {
  const world = new McpWorld()
  const headers = ['Content-Type', 'application/json', ...SESSION]
  const caller = new FakeCaller({
    method: 'POST',
    url: '/s',
    headers,
    awaitsContinue: true,
    body: { toCome: true },
  })
  world.pipeline.handle(caller)
  assert.equal(caller.proceeds, 1)
})

test('the memory that bodies may take fits what the process may use', () => {
  for (const [memory, most] of [
    [0, 64],
    [2 ** 64, 64],
    [256 * MIB, 32],
    [96 * MIB, 16],
  ] as const)
    assert.equal(maxBodyMemoryBytes(memory) / MIB, most)
})

test('bodies of one server fill their share, and one more is refused; another server has room', async () => {
  const yaml = `${mcpTools('maxBodyBytes: 67108864')}
  o: { upstream: "http://o.internal:1", mcp: {}, maxBodyBytes: 67108864 }`
  const world = new McpWorld(yaml)
  const open = (url: string): FakeCaller => {
    const headers = ['Content-Type', 'application/json', ...SESSION]
    const caller = new FakeCaller({ method: 'POST', url, headers, body: { toCome: true } })
    world.pipeline.handle(caller)
    return caller
  }
  const callers: FakeCaller[] = []
  // Each body is a part of the share that is not small, so that none finds a place in the reserve.
  const piece = Buffer.alloc(Math.floor(maxBodyMemoryBytes(process.constrainedMemory()) / 16))
  for (let last: FakeCaller | undefined; last?.status === undefined && callers.length < 20;) {
    last = open('/s')
    callers.push(last)
    last.request.send(piece)
    await settled()
  }
  const refused = callers.at(-1)
  assert.ok(refused !== undefined)
  assert.deepEqual([refused.status, reasonOf(refused)], [503, 'PROXY_OVERLOADED'])
  assert.equal(callers.length, 8, 'half of what is not kept for small bodies')
  const other = open('/o')
  other.request.send(piece)
  await settled()
  assert.equal(other.status, undefined)
  for (const caller of [...callers, other]) caller.leave()
  await settled()
  assert.equal(heldBytes(world), 0)
})

test('a long body is read in steps, with other work in between', async () => {
  const world = new McpWorld()
  await world.post(undefined, { text: LONG })
  assert.deepEqual(world.sent, [])
  await world.post(PING)
  assert.deepEqual(world.sent, ['ping'])
  world.clock.advance(100)
  assert.deepEqual(world.sent, ['ping', 'x'])
  for (const exchange of world.exchanges) exchange.respond(200, ANSWER, JSON_TYPE)
  await world.isQuiet()
})

test('a caller that leaves while its body is read is forgotten, and the server gets nothing', async () => {
  const world = new McpWorld()
  const caller = await world.post(undefined, { text: LONG })
  caller.leave()
  world.clock.advance(1000)
  assert.deepEqual([world.sent, heldBytes(world), world.clock.timers], [[], 0, 0])
  assert.deepEqual(world.outcomes, ['cancelled'])
  await world.isQuiet()
})

test('an internal error while a body comes ends its call alone, and nothing of it is held', async (t) => {
  const world = new McpWorld()
  const [broken, other] = [world.open(), world.open()]
  const allocate = t.mock.method(Buffer, 'allocUnsafeSlow', () => {
    throw new Error('made up: no memory')
  })
  broken.request.send('{"jsonrpc":')
  await settled()
  broken.request.send('"2.0"')
  await settled()
  allocate.mock.restore()
  assert.equal(reasonOf(broken), 'INTERNAL')
  assert.equal(heldBytes(world), 0)
  broken.leave()
  other.request.send(JSON.stringify(callMessage()))
  other.request.finish()
  await settled()
  world.at(0).respond(200, ANSWER, JSON_TYPE)
  assert.equal(other.status, 200)
  await world.isQuiet(1)
})

test('an internal error after a body was read gives back what was held', async (t) => {
  const world = new McpWorld()
  const broken = t.mock.method(world.side.tools, 'mcpLane', () => {
    throw new Error('made up: no lane')
  })
  const caller = await world.post(callMessage())
  broken.mock.restore()
  assert.equal(reasonOf(caller), 'INTERNAL')
  assert.deepEqual([heldBytes(world), world.exchanges], [0, []])
  await world.isQuiet(1)
})

test('the queue time of a refusal begins when the lane is asked, not when the body began to come', async () => {
  const world = new McpWorld(mcpTools('ttlSeconds: 5'))
  await world.post(callMessage(1))
  const late = world.open()
  world.clock.advance(3000)
  late.request.send(JSON.stringify(callMessage(2)))
  late.request.finish()
  await settled()
  world.clock.advance(5000)
  assert.deepEqual([reasonOf(late), late.header('server-timing')], ['QUEUE_TTL_EXPIRED', 'queue;dur=5000.0'])
  world.last.respond(200)
  await world.isQuiet()
})
