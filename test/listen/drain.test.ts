/**
 * Drain without sockets: its count of open exchanges, and when the promise of a drain resolves.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Drain } from '../../src/listen/drain.ts'

/** Whether the promise has settled after all promise reactions have run. */
async function isSettled(promise: Promise<void>): Promise<boolean> {
  const reactionsAreThrough = new Promise<false>((resolve) => setImmediate(() => resolve(false)))
  return await Promise.race([promise.then(() => true), reactionsAreThrough])
}

test('a drain counts the open exchanges', () => {
  const drain = new Drain()
  drain.enter()
  drain.enter()
  assert.equal(drain.open, 2)
  drain.leave()
  assert.equal(drain.open, 1)
  drain.leave()
  assert.equal(drain.open, 0)
})

test('a drain without open exchanges is over at once', async () => {
  const drain = new Drain()
  assert.equal(drain.isDraining, false)
  await drain.start()
  assert.equal(drain.isDraining, true)
})

test('a drain is over when its last exchange ends', async () => {
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

test('a drain waits also for an exchange that opens during it', async () => {
  const drain = new Drain()
  drain.enter()
  const over = drain.start()
  drain.enter()
  drain.leave()
  assert.equal(await isSettled(over), false)
  drain.leave()
  assert.equal(await isSettled(over), true)
})

test('an exchange may open and end after the drain is over', async () => {
  const drain = new Drain()
  await drain.start()
  drain.enter()
  drain.leave()
  assert.equal(drain.open, 0)
})

test('a second start of a drain waits for the same end', async () => {
  const drain = new Drain()
  drain.enter()
  const [first, second] = [drain.start(), drain.start()]
  drain.leave()
  assert.deepEqual([await isSettled(first), await isSettled(second)], [true, true])
})
