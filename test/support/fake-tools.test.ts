/**
 * The fake tools hand each request to the test, by the pool that the tool has at that moment, and play undici.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConnectionUser } from '../../src/upstream/tool-connection.ts'
import { FakeTools } from './fake-tools.ts'
import { rethrow } from './rethrow.ts'
import { VirtualClock } from './virtual-clock.ts'

const yaml = (upstream: string): string => `tools: { t: { upstream: "${upstream}" } }`
const REQUEST = { method: 'GET', path: '/x', headers: ['X-Own', 'a'] }

/** Fake tools, and a handler that notes what it is called with. */
function open() {
  const tools = new FakeTools(yaml('http://one.internal:1'), {
    clock: new VirtualClock(),
    random: () => 0,
    emit: () => undefined,
    failed: rethrow,
  })
  const calls: string[] = []
  const user = new Proxy(
    {},
    { get: (_target, verb) => () => void calls.push(String(verb)) },
  ) as ConnectionUser
  return { tools, calls, user }
}

test('a request is handed to the test with where it went', () => {
  const { tools, calls, user } = open()
  tools.tool('t').pool.dispatch(REQUEST, user)
  const { last } = tools
  assert.deepEqual(
    [last.origin, last.path, last.header('x-own'), last.isFresh],
    ['http://one.internal:1', '/x', 'a', false],
  )
  last.respond(200, 'hello')
  assert.deepEqual(calls, ['onRequestStart', 'onResponseStart', 'onResponseData', 'onResponseEnd'])
})

test('a request that is given up breaks at once, and once', () => {
  const { tools, calls, user } = open()
  tools.tool('t').pool.dispatchFresh(REQUEST, user)
  const { last } = tools
  last.start()
  last.controller.abort(new Error('made up'))
  last.controller.abort(new Error('made up'))
  assert.deepEqual([last.isFresh, last.isAborted], [true, true])
  assert.deepEqual(calls, ['onRequestStart', 'onResponseError'])
})

test('after a reload new requests go to the new origin, and old connections keep theirs', () => {
  const { tools, user } = open()
  const tool = tools.tool('t')
  const old = tool.pool
  tools.reload(yaml('http://two.internal:2'))
  assert.equal(tools.tool('t'), tool)
  tool.pool.dispatch(REQUEST, user)
  old.dispatch(REQUEST, user)
  assert.deepEqual(
    tools.exchanges.map(({ origin }) => origin),
    ['http://two.internal:2', 'http://one.internal:1'],
  )
})

test('a dispatch that is to fail throws', () => {
  const { tools, user } = open()
  tools.isFailing = true
  assert.throws(() => tools.tool('t').pool.dispatch(REQUEST, user), /made up/)
})
