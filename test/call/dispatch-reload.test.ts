/**
 * A call that waits in its lane goes to its tool as the tool is configured when its turn comes: path, headers and
 * connections change together.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ToolExchange } from '../support/fake-tools.ts'
import { World } from './world.ts'

/** One tool at this upstream, with one call at a time. */
function tool(upstream: string, more = ''): string {
  return `tools: { t: { upstream: "${upstream}", match: [{ path: /t }], maxConcurrent: 1, controller: { algorithm: fixed }, ${more} } }`
}

/** The request that waited through a reload from one configuration to another. */
async function waitedThrough(before: string, after: string): Promise<ToolExchange> {
  const world = new World(before)
  const first = world.call({ url: '/t/x?q=1' })
  const second = world.call({ url: '/t/x?q=1' })
  assert.deepEqual(world.depths(), { runs: 1, waits: 1 })
  world.side.reload(after)
  const [running] = world.exchanges
  running?.respond(200)
  const waited = world.last
  assert.equal(world.exchanges.length, 2)
  waited.respond(200)
  assert.deepEqual([first.status, second.status], [200, 200])
  await world.isQuiet()
  return waited
}

const OLD = 'http://old.internal:1/v1'

test('a waiting call goes to the new server under the path and the host name of that server', async () => {
  const { origin, path, header } = bound(await waitedThrough(tool(OLD), tool('http://new.internal:2/v2')))
  assert.deepEqual([origin, path, header('host')], ['http://new.internal:2', '/v2/x?q=1', 'new.internal:2'])
})

test('a base path that changes while a call waits changes the path of the call', async () => {
  const { origin, path } = await waitedThrough(tool(OLD), tool('http://old.internal:1'))
  assert.deepEqual([origin, path], ['http://old.internal:1', '/x?q=1'])
})

test('stripPath that changes while a call waits changes the path of the call', async () => {
  const off = await waitedThrough(tool(OLD), tool(OLD, 'stripPath: false'))
  assert.equal(off.path, '/v1/t/x?q=1')
  const on = await waitedThrough(tool(OLD, 'stripPath: false'), tool(OLD))
  assert.equal(on.path, '/v1/x?q=1')
})

test('keepHost that changes while a call waits changes the host name that the tool sees', async () => {
  const kept = bound(await waitedThrough(tool(OLD), tool(OLD, 'keepHost: true')))
  assert.equal(kept.header('host'), 'spillway.internal')
  const own = bound(await waitedThrough(tool(OLD, 'keepHost: true'), tool(OLD)))
  assert.equal(own.header('host'), 'old.internal:1')
})

test('a call that runs keeps the connections with which it began', async () => {
  const world = new World(tool(OLD))
  const caller = world.call({ url: '/t/x' })
  world.side.reload(tool('http://new.internal:2/v2'))
  assert.equal(world.last.origin, 'http://old.internal:1')
  world.last.respond(200, 'here')
  assert.equal(caller.text, 'here')
  await world.isQuiet()
})

test('a call whose tool is removed while it waits goes to that tool all the same', async () => {
  const world = new World(tool(OLD))
  world.call({ url: '/t/x' })
  const waiting = world.call({ url: '/t/x' })
  world.side.reload('tools: { other: { upstream: "http://other.internal:1" } }')
  const [running] = world.exchanges
  running?.respond(200)
  assert.equal(world.last.origin, 'http://old.internal:1')
  world.last.respond(200)
  assert.equal(waiting.status, 200)
  await world.isQuiet()
})

function bound(exchange: ToolExchange): Pick<ToolExchange, 'origin' | 'path' | 'header'> {
  const { origin, path } = exchange
  return { origin, path, header: (name) => exchange.header(name) }
}
