/**
 * A call that its tool failed is tried once more where that is safe: without a lease while it waits, within the budget,
 * and its caller never reads that a call which the tool has seen did not happen.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RetryResult } from '../../src/lane/reason.ts'
import { oneTool, World } from './world.ts'

const RETRIES = 'retries: { max: 2, on: [connect, 503], budgetRatio: 1 }'

function retryResults(world: World): RetryResult[] {
  return world.eventsOf('retried').map(({ result }) => result)
}

test('an answer that is listed is kept back, and its call goes out again after 200 ms without holding a lease', async () => {
  const world = new World(oneTool(RETRIES))
  const caller = world.call()
  world.last.respond(503, 'busy')
  assert.deepEqual([caller.answered, world.depths()], ['none', { runs: 0, waits: 0 }])
  world.clock.advance(199)
  assert.equal(world.exchanges.length, 1)
  world.clock.advance(1)
  assert.equal(world.exchanges.length, 2)
  world.last.respond(200, 'done')
  assert.deepEqual([caller.status, caller.text, retryResults(world)], [200, 'done', ['succeeded']])
  assert.deepEqual(world.outcomes, ['completed'])
  await world.isQuiet()
})

test('the wait before a further attempt doubles, and a random part takes up to half of it', async () => {
  const world = new World(oneTool(RETRIES))
  world.call()
  world.last.respond(503)
  world.clock.advance(200)
  world.last.respond(503)
  world.clock.advance(399)
  assert.equal(world.exchanges.length, 2)
  world.clock.advance(1)
  assert.equal(world.exchanges.length, 3)
  world.last.respond(200)
  world.random = 0.5
  world.call()
  world.last.respond(503)
  world.clock.advance(149)
  assert.equal(world.exchanges.length, 4)
  world.clock.advance(1)
  assert.equal(world.exchanges.length, 5)
  world.last.respond(200)
  await world.isQuiet()
})

test('after the last attempt the caller gets the answer of the tool', async () => {
  const world = new World(oneTool(RETRIES.replace('max: 2', 'max: 1')))
  const caller = world.call()
  world.last.respond(503, 'first')
  world.clock.advance(200)
  world.last.respond(503, 'second', ['Retry-After', '3'])
  assert.deepEqual([caller.status, caller.text, caller.header('retry-after')], [503, 'second', '3'])
  assert.deepEqual([retryResults(world), world.outcomes], [['failed'], ['completed']])
  await world.isQuiet()
})

test('a tool that cannot be reached is tried again, and at the end its caller reads why', async () => {
  const world = new World(oneTool(RETRIES))
  const caller = world.call()
  for (const waitMs of [200, 400]) {
    world.last.fail('ECONNREFUSED')
    assert.equal(caller.answered, 'none')
    world.clock.advance(waitMs)
  }
  world.last.fail('ECONNREFUSED')
  assert.deepEqual([world.exchanges.length, world.reasons], [3, ['UPSTREAM_UNREACHABLE']])
  assert.equal(world.eventsOf('tool_failed').length, 3)
  assert.deepEqual(retryResults(world), ['failed', 'failed'])
  await world.isQuiet()
})

test('a caller whose call was answered gets that answer when the tool cannot be reached the next time', async () => {
  const world = new World(oneTool(RETRIES.replace('max: 2', 'max: 1')))
  const caller = world.call()
  world.last.respond(503, 'busy')
  world.clock.advance(200)
  world.last.fail('ECONNREFUSED')
  assert.deepEqual([caller.status, caller.text, world.reasons], [503, 'busy', []])
  await world.isQuiet()
})

test('a further attempt that the lane refuses ends with what the tool said before', async () => {
  const world = new World(oneTool(RETRIES))
  const caller = world.call()
  world.last.respond(503, 'busy')
  world.side.tool('t').gate.operate({ paused: true })
  world.clock.advance(200)
  assert.deepEqual([caller.status, caller.text], [503, 'busy'])
  assert.deepEqual([retryResults(world), world.outcomes], [['refused'], ['completed']])
  await world.isQuiet()
})

test('a further attempt whose time in the queue runs out ends with what the tool said before', async () => {
  const world = new World(oneTool(`${RETRIES}, ttlSeconds: 5`))
  const caller = world.call()
  world.last.respond(503, 'busy')
  world.call()
  world.last.start()
  world.clock.advance(200)
  assert.deepEqual(world.depths(), { runs: 1, waits: 1 })
  world.clock.advance(5000)
  assert.deepEqual([caller.status, caller.text, retryResults(world)], [503, 'busy', ['refused']])
  world.last.respond(200)
  await world.isQuiet()
})

test('a paused lane, and a tool that asked callers to wait, get no further attempt', async () => {
  const paused = new World(oneTool(RETRIES))
  const caller = paused.call()
  paused.last.start()
  paused.side.tool('t').gate.operate({ paused: true })
  paused.last.respond(503, 'busy')
  assert.deepEqual([caller.text, retryResults(paused)], ['busy', ['overloaded']])
  await paused.isQuiet()
  const throttled = new World(oneTool(RETRIES))
  const another = throttled.call()
  throttled.last.respond(503, 'later', ['Retry-After', '30'])
  assert.deepEqual([another.text, retryResults(throttled)], ['later', ['overloaded']])
  throttled.clock.advance(10_000)
  assert.equal(throttled.exchanges.length, 1)
})

test('without budget there is no further attempt', async () => {
  const world = new World(oneTool(RETRIES.replace('budgetRatio: 1', 'budgetRatio: 0')))
  const caller = world.call()
  world.last.respond(503, 'busy')
  // A lane has some retries in hand before the share of calls counts.
  for (let tries = 0; caller.answered === 'none' && tries < 20; tries++) {
    world.clock.advance(400)
    world.last.respond(503, 'busy')
  }
  for (let calls = 0; calls < 20 && !retryResults(world).includes('no_budget'); calls++) {
    world.call()
    for (let tries = 0; tries < 3; tries++) {
      if (world.depths().runs === 1) world.last.respond(503, 'busy')
      world.clock.advance(400)
    }
  }
  assert.equal(retryResults(world).at(-1), 'no_budget')
  const { length } = world.exchanges
  world.clock.advance(10_000)
  assert.equal(world.exchanges.length, length)
  assert.equal(caller.text, 'busy')
  await world.isQuiet()
})

test('a caller that leaves between two attempts ends its call', async () => {
  const world = new World(oneTool(RETRIES))
  const caller = world.call()
  world.last.respond(503)
  caller.leave()
  assert.deepEqual([retryResults(world), world.outcomes], [['cancelled'], ['cancelled']])
  world.clock.advance(10_000)
  assert.deepEqual([world.exchanges.length, world.eventsOf('admitted').length], [1, 1])
  await world.isQuiet()
})

test('a kept answer is not written to a caller that was cut off', async () => {
  const world = new World(oneTool(RETRIES))
  const caller = world.call()
  world.last.respond(503, 'busy')
  world.side.tool('t').gate.operate({ paused: true })
  // The end of the exchange is told later than the refusal of the lane.
  caller.cut()
  world.clock.advance(200)
  assert.deepEqual([caller.heads, world.outcomes], [[], ['cancelled']])
  await world.isQuiet()
})

test('a call that is not safe to repeat is tried once, unless its caller gives a key', async () => {
  for (const [headers, tries] of [
    [[], 1],
    [['Idempotency-Key', ''], 1],
    [['Idempotency-Key', 'k'], 2],
  ] as const) {
    const world = new World(oneTool(RETRIES))
    const caller = world.call({ method: 'POST', headers })
    world.last.respond(503)
    world.clock.advance(200)
    assert.equal(world.exchanges.length, tries, headers.join())
    if (tries === 2) world.last.respond(200)
    assert.equal(caller.status, tries === 2 ? 200 : 503)
    await world.isQuiet()
  }
})

test('a body goes out again byte for byte, and one too large to keep is sent once', async () => {
  for (const [body, tries] of [
    ['x'.repeat(1000), 2],
    ['x'.repeat(70_000), 1],
  ] as const) {
    const world = new World(oneTool(RETRIES))
    world.call({ method: 'PUT', body })
    assert.equal(await world.last.takeBody(), body)
    world.last.respond(503)
    world.clock.advance(200)
    assert.equal(world.exchanges.length, tries)
    if (tries === 2) {
      assert.equal(await world.last.takeBody(), body)
      world.last.respond(200)
    }
    await world.isQuiet()
  }
})

test('an error after the head of an answer is not tried again', async () => {
  const world = new World(oneTool(RETRIES))
  const caller = world.call()
  world.last.head(200).data('half')
  world.last.fail('ECONNRESET')
  assert.equal(caller.isCut, true)
  world.clock.advance(10_000)
  assert.equal(world.exchanges.length, 1)
  assert.deepEqual(world.outcomes, ['broken'])
  await world.isQuiet()
})
