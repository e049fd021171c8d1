/**
 * A call's way through the pipeline, from its head to its settled lease: each way that there is, and each ending that
 * its tool, its lane and its caller can give it. Errors of Spillway's own are in internal-errors.test.ts.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { FakeCaller } from '../support/fake-caller.ts'
import { oneTool, World } from './world.ts'

async function turns(): Promise<void> {
  for (let i = 0; i < 4; i++) await turn()
}

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

test('a request that no tool takes is refused, and a shutdown waits for its answer', async () => {
  const world = new World(oneTool())
  const caller = world.call({ url: '/nobody' })
  assert.deepEqual([caller.status, world.reasons, world.drain.open], [404, ['NO_ROUTE'], 1])
  await world.isQuiet()
})

test('OPTIONS that may be passed on no further is answered here', async () => {
  const world = new World(oneTool())
  const caller = world.call({ method: 'OPTIONS', headers: ['Max-Forwards', '0'] })
  assert.deepEqual([caller.isEnded, world.exchanges.length, world.outcomes], [true, 0, ['completed']])
  await world.isQuiet()
})

test('a call waits while the lane is full, and starts when the call before it ends', async () => {
  const world = new World(oneTool())
  world.call({ url: '/t/first' })
  const second = world.call({ url: '/t/second' })
  assert.deepEqual([world.depths(), world.exchanges.length], [{ runs: 1, waits: 1 }, 1])
  world.clock.advance(250)
  world.last.respond(200)
  assert.equal(world.last.path, '/v1/second')
  world.last.respond(200, 'late')
  assert.equal(second.text, 'late')
  assert.match(second.header('server-timing') ?? '', /queue;dur=250\.0/)
  await world.isQuiet()
})

test('a call that waits too long is refused with the time that it waited, and the tool never hears of it', async () => {
  const world = new World(oneTool('ttlSeconds: 5'))
  world.call()
  world.last.start()
  const waiting = world.call()
  world.clock.advance(5000)
  assert.deepEqual([waiting.json['reason'], waiting.json['not_executed']], ['QUEUE_TTL_EXPIRED', true])
  assert.deepEqual([world.depths(), world.exchanges.length], [{ runs: 1, waits: 0 }, 1])
  world.last.respond(200)
  await world.isQuiet()
})

test('a call that a full queue has no place for is refused at once', async () => {
  const world = new World(oneTool().replace('maxQueueDepth: 10', 'maxQueueDepth: 0'))
  world.call()
  const refused = world.call()
  assert.deepEqual([refused.status, refused.json['reason']], [429, 'QUEUE_SATURATED'])
  assert.ok(refused.header('retry-after') !== undefined)
  world.last.respond(200)
  await world.isQuiet()
})

test('a call is refused before its lane is asked when the process shuts down or its share is used', async () => {
  const world = new World(oneTool())
  void world.drain.start()
  const late = world.call()
  assert.deepEqual([late.status, late.heads[0]?.isLast, world.reasons], [503, true, ['DRAINING']])
  assert.equal(world.eventsOf('admitted').length, 0)
  await world.isQuiet()
})

test('a body that is too large by its own word is refused before it is asked for', async () => {
  const world = new World(oneTool('maxBodyBytes: 10'))
  const body = { toCome: true, declaredBytes: 11 } as const
  const caller = world.call({ method: 'POST', body, awaitsContinue: true })
  assert.deepEqual([caller.status, caller.proceeds, world.reasons], [413, 0, ['BODY_TOO_LARGE']])
  await world.isQuiet()
})

test('a body is read before the lane is asked, and reaches the tool whole', async () => {
  const world = new World(oneTool())
  const caller = world.call({ method: 'POST', body: { toCome: true }, awaitsContinue: true })
  assert.deepEqual([caller.proceeds, world.depths().runs], [1, 0])
  caller.request.send('one ')
  caller.request.send('two')
  caller.request.finish()
  await turns()
  assert.equal(world.depths().runs, 1)
  assert.equal(await world.last.takeBody(), 'one two')
  world.last.respond(200)
  await world.isQuiet()
})

test('a body that is there with its head costs no detour', async () => {
  const world = new World(oneTool())
  world.call({ method: 'POST', body: 'here' })
  assert.equal(world.exchanges.length, 1)
  assert.equal(await world.last.takeBody(), 'here')
  world.last.respond(200)
  await world.isQuiet()
})

test('a call that its lane would refuse is refused without its body', async () => {
  const world = new World(oneTool())
  world.side.tool('t').gate.operate({ paused: true })
  const caller = world.call({ method: 'POST', body: { toCome: true }, awaitsContinue: true })
  assert.deepEqual([caller.proceeds, world.reasons], [0, ['LANE_PAUSED']])
  await world.isQuiet()
})

test('a caller that leaves before its body has come never reaches the lane', async () => {
  const world = new World(oneTool())
  const caller = world.call({ method: 'POST', body: { toCome: true } })
  caller.request.send('half')
  await turns()
  caller.leave()
  assert.deepEqual([world.outcomes, world.eventsOf('admitted')], [['cancelled'], []])
  await world.isQuiet()
})

test('a caller that leaves while it waits takes its call out of the queue', async () => {
  const world = new World(oneTool())
  world.call()
  const waiting = world.call()
  waiting.leave()
  assert.deepEqual([world.depths(), world.outcomes], [{ runs: 1, waits: 0 }, ['cancelled']])
  world.last.respond(200)
  assert.equal(world.exchanges.length, 1)
  await world.isQuiet()
})

for (const [how, go] of [
  ['left', (caller: FakeCaller) => caller.leave()],
  // The end of the exchange is told later than the turn.
  ['been cut off', (caller: FakeCaller) => caller.cut()],
] as const) {
  test(`a caller that has ${how} in the moment of its grant gives its lease back, and the tool hears nothing`, async () => {
    const world = new World(oneTool('leaseSeconds: 10'))
    const first = world.call()
    world.last.start()
    const second = world.call()
    const head = first.head.bind(first)
    // The lane has granted the second call when the first is told that its lease is over.
    first.head = (answer) => {
      go(second)
      head(answer)
    }
    world.clock.advance(10_000)
    assert.deepEqual([first.json['reason'], world.exchanges.length], ['LEASE_EXPIRED', 1])
    assert.deepEqual(world.outcomes.toSorted(), ['cancelled', 'refused'])
    await world.isQuiet()
  })
}

test('a caller that leaves while its call runs has the call cut off, or finished where the tool wants that', async () => {
  for (const [onClientGone, isAborted, leaseEnd] of [
    ['cancel', true, 'cancelled ignored'],
    ['finish', false, 'completed ok'],
  ] as const) {
    const world = new World(oneTool(`onClientGone: ${onClientGone}`))
    const caller = world.call()
    world.last.start()
    caller.leave()
    assert.deepEqual([world.last.isAborted, world.depths().runs], [isAborted, isAborted ? 0 : 1])
    if (!isAborted) world.last.respond(200, 'unheard')
    assert.deepEqual([world.outcomes, world.leaseEnds, caller.text], [['cancelled'], [leaseEnd], ''])
    await world.isQuiet()
  }
})

test('a caller that does not read stops the tool, and its own time is not the time of the tool', async () => {
  const world = new World(oneTool())
  const caller = world.call()
  world.last.head(200)
  caller.isSlow = true
  world.last.data('piece')
  assert.equal(world.last.controller.paused, true)
  world.clock.advance(5000)
  caller.readUp()
  assert.equal(world.last.controller.paused, false)
  world.last.end()
  assert.equal(caller.text, 'piece')
  await world.isQuiet()
})

test('a tool that breaks off before its head gives a reason, and within its answer a cut connection', async () => {
  const world = new World(oneTool())
  const early = world.call()
  world.last.start().fail('ECONNRESET')
  assert.deepEqual([early.status, early.json['reason']], [502, 'UPSTREAM_FAILED'])
  const late = world.call()
  world.last.head(200).data('half').fail('ECONNRESET')
  assert.deepEqual([late.isCut, world.outcomes], [true, ['refused', 'broken']])
  await world.isQuiet()
})

test('a tool that is silent for longer than its lease is given up', async () => {
  const world = new World(oneTool('leaseSeconds: 10'))
  const caller = world.call()
  world.last.start()
  world.clock.advance(10_000)
  assert.deepEqual([caller.status, caller.json['reason'], world.last.isAborted], [504, 'LEASE_EXPIRED', true])
  await world.isQuiet()
})

test('interim answers and trailers reach the caller', async () => {
  const world = new World(oneTool())
  const caller = world.call()
  world.last.start().interim(103, ['Link', '</a>']).interim(100)
  world.last.head(200, ['Trailer', 'X-Sum']).data('a').end(['X-Sum', '1'])
  assert.deepEqual(
    caller.interims.map(({ status }) => status),
    [103],
  )
  assert.deepEqual(caller.trailers, [['X-Sum', '1']])
  await world.isQuiet()
})
