/**
 * Drain without sockets: its count of open exchanges, and when the promise of a drain resolves.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Drain } from '../../src/listen/drain.ts'

/** Whether the promise has settled once all promise reactions are through. */
async function isSettled(promise: Promise<void>): Promise<boolean> {
  const reactionsAreThrough = new Promise<false>((resolve) => setImmediate(() => resolve(false)))
  return await Promise.race([promise.then(() => true), reactionsAreThrough])
}

test('a drain counts what is open', () => {
  const drain = new Drain()
  drain.enter()
  drain.enter()
  assert.equal(drain.open, 2)
  drain.leave()
  assert.equal(drain.open, 1)
  drain.leave()
  assert.equal(drain.open, 0)
})

test('a drain with nothing open is over at once', async () => {
  const drain = new Drain()
  assert.equal(drain.isDraining, false)
  await drain.start()
  assert.equal(drain.isDraining, true)
})

test('a drain is over when the last exchange is, not before', async () => {
  const drain = new Drain()
  drain.enter()
  drain.enter()
  const over = drain.start()
  assert.equal(drain.isDraining, true)
  drain.leave()
  assert.equal(await isSettled(over), false)
  drain.leave()
  assert.equal(await isSettled(over), true)
})

test('a drain waits also for what comes in while it lasts', async () => {
  const drain = new Drain()
  drain.enter()
  const over = drain.start()
  drain.enter()
  drain.leave()
  assert.equal(await isSettled(over), false)
  drain.leave()
  assert.equal(await isSettled(over), true)
})

test('an exchange that opens after the drain is over disturbs nothing', async () => {
  const drain = new Drain()
  await drain.start()
  drain.enter()
  drain.leave()
  assert.equal(drain.open, 0)
})

test('a drain that is started twice is over for both', async () => {
  const drain = new Drain()
  drain.enter()
  const [first, second] = [drain.start(), drain.start()]
  drain.leave()
  assert.deepEqual([await isSettled(first), await isSettled(second)], [true, true])
})
