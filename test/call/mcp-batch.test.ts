/**
 * A batch of calls gets all of its leases at once, or none and the reason that a single call would hear; it never waits.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Call } from '../../src/call/call.ts'
import { enterBatch } from '../../src/call/mcp-batch.ts'
import { Drain } from '../../src/listen/drain.ts'
import { FakeCaller } from '../support/fake-caller.ts'
import {
  answerEvent,
  callMessage,
  cancelMessage,
  EVENTS,
  McpWorld,
  mcpTools,
  reasonOf,
  SESSION,
  settled,
} from './mcp-world.ts'

const BOTH = [callMessage(1, 'x'), callMessage(2, 'l_x')]
const TWO_SLOTS = mcpTools().replaceAll('maxConcurrent: 1', 'maxConcurrent: 2')
const ANSWER = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { content: [] } })
const JSON_TYPE = ['Content-Type', 'application/json']

/** What the lane `s` told of itself. */
function eventsOfServer(world: McpWorld): string[] {
  return world.told.flatMap(({ tool, event }) => (tool === 's' && event.kind !== 'mcp' ? [event.kind] : []))
}

test('the calls of a batch run together, one lease in the lane of each, and each lease ends with its answer', async () => {
  const world = new McpWorld()
  const caller = await world.post(BOTH)
  assert.deepEqual([world.depths('s').runs, world.depths('l').runs, world.exchanges.length], [1, 1, 1])
  world.at(0).head(200, EVENTS).data(answerEvent(2))
  assert.deepEqual([world.depths('s').runs, world.depths('l').runs], [1, 0])
  world.at(0).data(answerEvent(1)).end()
  assert.deepEqual([caller.status, world.outcomes], [200, ['completed']])
  assert.deepEqual(world.leaseEnds, ['completed ok', 'completed ok'])
  await world.isQuiet()
})

test('a batch that its second lane refuses takes no slot and no token of the first, and counts nothing there', async () => {
  const world = new McpWorld(mcpTools('rate: { calls: 1, perSeconds: 3600, burst: 1 }'))
  await world.post(callMessage(9, 'l_x'))
  const before = eventsOfServer(world)
  const refused = await world.post(BOTH)
  assert.deepEqual([reasonOf(refused), world.sent], ['QUEUE_SATURATED', ['l_x']])
  const meta = refused.text
  assert.ok(meta.includes('a batch runs at once or not at all'), meta)
  assert.deepEqual([eventsOfServer(world), before], [[], []])
  assert.deepEqual(world.told.filter(({ tool, event }) => tool === 'l' && event.kind === 'replied').length, 1)
  await world.post(callMessage(3, 'x'))
  assert.deepEqual([world.depths('s').runs, world.sent], [1, ['l_x', 'x']], 'the one token was left')
  for (const exchange of world.exchanges) exchange.respond(200, ANSWER, JSON_TYPE)
  await world.isQuiet()
})

test('a refusal of a batch answers each request in it, and no notification', async () => {
  const world = new McpWorld()
  await world.post(callMessage(9, 'l_x'))
  const ping = { jsonrpc: '2.0', id: 'p', method: 'ping' }
  const refused = await world.post([...BOTH, ping, { jsonrpc: '2.0', method: 'notifications/initialized' }])
  const answers = JSON.parse(refused.text) as { id: unknown; result?: unknown; error?: unknown }[]
  assert.deepEqual(
    answers.map(({ id, result, error }) => [id, result !== undefined, error !== undefined]),
    [
      [1, true, false],
      [2, true, false],
      ['p', false, true],
    ],
  )
  world.at(0).respond(200, ANSWER, JSON_TYPE)
  await world.isQuiet()
})

test('the lane that refuses a batch decides the form of the refusal', async () => {
  const world = new McpWorld(
    mcpTools().replace('server: s, tools: ["l_*"]', 'server: s, tools: ["l_*"], overload: http_429'),
  )
  await world.post(callMessage(9, 'l_x'))
  const refused = await world.post(BOTH)
  assert.deepEqual([refused.status, refused.header('x-spillway-tool')], [429, 'l'])
  world.at(0).respond(200, ANSWER, JSON_TYPE)
  await world.isQuiet()
})

test('a batch waits in no queue, however much room there is', async () => {
  const world = new McpWorld()
  await world.post(callMessage(9))
  const refused = await world.post([callMessage(1)])
  assert.deepEqual([refused.header('x-spillway-reason'), world.depths('s').waits], ['QUEUE_SATURATED', 0])
  world.at(0).respond(200, ANSWER, JSON_TYPE)
  await world.isQuiet()
})

test('a batch puts nobody out of a queue, however high its class is', async () => {
  const world = new McpWorld(mcpTools().replace('maxQueueDepth: 10', 'maxQueueDepth: 1'))
  const headers = (word: string): string[] => [...SESSION, 'X-Spillway-Priority', word]
  await world.post(callMessage(9))
  const low = await world.post(callMessage(8), { headers: headers('low') })
  const refused = await world.post([callMessage(1)], { headers: headers('critical') })
  assert.deepEqual(
    [reasonOf(refused), low.status, world.depths('s').waits],
    ['QUEUE_SATURATED', undefined, 1],
  )
  world.at(0).respond(200, ANSWER, JSON_TYPE)
  world.at(1).respond(200, ANSWER, JSON_TYPE)
  await world.isQuiet()
})

test('a batch for a paused lane hears that, and when to come back', async () => {
  const world = new McpWorld()
  world.server.gate.operate({ paused: true })
  const refused = await world.post([callMessage(1)])
  assert.equal(reasonOf(refused), 'LANE_PAUSED')
  assert.ok((world.eventsOf('replied')[0]?.retryAfterMs ?? 0) > 0)
  assert.deepEqual(world.exchanges, [])
})

test('two calls of a batch for one lane need two slots', async () => {
  const two = [callMessage(1), callMessage(2)]
  const [narrow, wide] = [new McpWorld(), new McpWorld(TWO_SLOTS)]
  assert.equal(reasonOf(await narrow.post(two)), 'QUEUE_SATURATED')
  assert.equal(narrow.depths('s').runs, 0)
  await wide.post(two)
  assert.equal(wide.depths('s').runs, 2)
  wide.at(0).head(200, EVENTS).data(answerEvent(1)).data(answerEvent(2)).end()
  await wide.isQuiet()
})

test('a batch whose body is too large for one of its lanes is refused by that lane', async () => {
  const world = new McpWorld(mcpTools('', 'maxBodyBytes: 100'))
  const refused = await world.post(BOTH)
  assert.deepEqual([refused.status, refused.header('x-spillway-reason')], [413, 'BODY_TOO_LARGE'])
  assert.deepEqual([refused.header('x-spillway-tool'), world.exchanges], ['l', []])
  await world.isQuiet()
})

test('each call of a batch is found by its id, and its cancelling gives the whole batch 5 s', async () => {
  const world = new McpWorld()
  const caller = await world.post(BOTH)
  world.at(0).head(200, EVENTS)
  await world.post(cancelMessage(2))
  world.at(1).respond(202)
  world.clock.advance(5000)
  assert.equal(caller.isCut, true)
  await world.isQuiet()
  assert.deepEqual(world.leaseEnds, ['cancelled ignored', 'cancelled ignored'])
})

test('a call of a batch with the id of another open call is refused as a twin within one body only', async () => {
  const world = new McpWorld(TWO_SLOTS)
  assert.equal(reasonOf(await world.post([callMessage(1), callMessage(1)])), 'BAD_REQUEST')
  await world.post([callMessage(1)])
  await world.post([callMessage(1)])
  assert.equal(world.depths('s').runs, 2)
  for (const exchange of world.exchanges) exchange.respond(200, `[${ANSWER}]`, JSON_TYPE)
  await world.isQuiet()
})

for (const where of ['before the attempt', 'at the dispatch'] as const) {
  test(`an internal error ${where} gives back all leases of the batch, and answers INTERNAL`, async () => {
    const world = new McpWorld(TWO_SLOTS)
    const other = await world.post(callMessage(9))
    const broken = world.open()
    if (where === 'at the dispatch') world.side.isFailing = true
    else breakHead(broken)
    broken.request.send(JSON.stringify(BOTH))
    broken.request.finish()
    await settled()
    assert.equal(reasonOf(broken), 'INTERNAL')
    assert.deepEqual([world.depths('s').runs, world.depths('l').runs], [1, 0])
    world.at(0).respond(200, ANSWER, JSON_TYPE)
    assert.equal(other.status, 200)
    await world.isQuiet(1)
  })
}

/** The request to the tool cannot be made from the head of this one. */
function breakHead({ request }: FakeCaller): void {
  Object.defineProperty(request, 'httpVersion', {
    get: () => {
      throw new Error('made up: no version')
    },
  })
}

test('an internal error after the leases were granted, and before the call has them, gives them back', () => {
  const world = new McpWorld()
  const [server, lane] = [world.server, world.side.tool('l')]
  const register = (): void => {
    throw new Error('made up: register fails')
  }
  const toolCall = (id: string) => ({ id, idKey: `number:${id}`, name: 'x' })
  const call = { caller: new FakeCaller(), body: { kind: 'none' } } as unknown as Call
  const answerOf = () => ({
    form: 'tool_result' as const,
    requests: [],
    isBatch: true,
    hasResultType: false,
    asEvents: false,
  })
  const batch = {
    calls: [toolCall('1'), toolCall('2')],
    tools: [server, lane],
    answerOf,
    register,
  } as const
  const parts = { clock: world.clock, drain: new Drain(), replies: undefined as never }
  assert.throws(() => enterBatch(call, batch, parts), /made up/)
  assert.deepEqual([world.depths('s').runs, world.depths('l').runs], [0, 0])
})
