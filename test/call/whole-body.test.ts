/**
 * Bodies that are read before it is decided where they go: whole, or not at all, within bounds.
 */
import assert from 'node:assert/strict'
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { MessageMemory } from '../../src/capacity/message-memory.ts'
import { readWhole } from '../../src/call/whole-body.ts'
import type { WholeBody } from '../../src/call/whole-body.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

function reading(clock = new VirtualClock(), held = new MessageMemory(1_000_000), maxBytes = 10) {
  const request = new IncomingMessage(new Socket())
  const results: WholeBody[] = []
  const allocation = held.allocate('server')
  const bounds = { maxBytes, maxMs: 1000, allocation }
  readWhole(request, bounds, clock, { done: (body) => results.push(body), fail: assert.ifError })
  return { request, results, clock, held, allocation }
}

/** Streams hand on what they have in a turn of their own. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('a body is read whole, whatever pieces it comes in, and counts until it is released', async () => {
  const { request, results, clock, held, allocation } = reading()
  for (const piece of ['abc', 'de', null]) request.push(piece)
  await turn()
  assert.deepEqual(results, [{ kind: 'whole', content: Buffer.from('abcde') }])
  assert.deepEqual([held.heldBytes('server'), clock.timers], [5, 0])
  allocation.release()
  assert.equal(held.heldBytes(), 0)
})

test('a body over its bound ends the reading, and nothing of it is held', async () => {
  const { request, results, held } = reading()
  for (const piece of ['abcdefgh', 'ijk', 'l', null]) request.push(piece)
  await turn()
  assert.deepEqual([results, held.heldBytes()], [[{ kind: 'too large' }], 0])
})

test('a body for which there is no room ends the reading, and room comes back', async () => {
  const held = new MessageMemory(32)
  const first = reading(undefined, held)
  first.request.push('abcdefgh')
  await turn()
  const second = reading(undefined, held)
  second.request.push('abcdefg')
  await turn()
  assert.deepEqual([second.results, held.heldBytes()], [[{ kind: 'no room' }], 8])
  first.request.push(null)
  await turn()
  first.allocation.release()
  assert.equal(held.heldBytes(), 0)
})

test('a caller that is too slow, or leaves, holds nothing', async () => {
  const { request, results, clock, held } = reading()
  request.push('abc')
  await turn()
  clock.advance(1000)
  assert.deepEqual([results, held.heldBytes()], [[{ kind: 'too slow' }], 0])
  const gone = reading(clock, held)
  gone.request.push('abc')
  gone.request.destroy()
  await turn()
  assert.deepEqual([gone.results, held.heldBytes(), clock.timers], [[{ kind: 'gone' }], 0, 0])
})

test('what is counted while a body comes is what it takes up, and at the end what it is', () => {
  const { request, results, held } = reading(undefined, undefined, 200_000)
  let most = 0
  for (let at = 0; at < 70_000; at++) {
    request.emit('data', Buffer.from('x'))
    most = Math.max(most, held.heldBytes())
  }
  assert.ok(most > 70_000 && most <= 140_000, `${most} bytes`)
  request.emit('end')
  const [read] = results
  assert.ok(read?.kind === 'whole')
  assert.deepEqual([read.content.buffer.byteLength, held.heldBytes()], [70_000, 70_000])
})

test('a body in pieces of one byte costs what it holds, not what its pieces would', async () => {
  const { request, results } = reading(undefined, undefined, 200_000)
  const piece = Buffer.alloc(65_536, 'x')
  for (let at = 0; at < 100_000; at++) request.emit('data', piece.subarray(at % 65_536, (at % 65_536) + 1))
  request.emit('end')
  await turn()
  const [read] = results
  assert.ok(read?.kind === 'whole')
  assert.equal(read.content.toString(), 'x'.repeat(100_000))
  assert.ok(read.content.buffer.byteLength <= 200_000)
})

test('pieces are put together in their order, and the first is not written over', async () => {
  const { request, results } = reading()
  const first = Buffer.from('abcdef').subarray(0, 3)
  for (const piece of [first, Buffer.from('12'), Buffer.from('34')]) request.emit('data', piece)
  request.emit('end')
  await turn()
  assert.deepEqual(results, [{ kind: 'whole', content: Buffer.from('abc1234') }])
  assert.equal(first.buffer.byteLength >= 6 && first.toString(), 'abc')
})

test('an error of ours ends the one body that it met, and nothing of it is held', async (t) => {
  const held = new MessageMemory(1_000_000)
  const errors: unknown[] = []
  const request = new IncomingMessage(new Socket())
  const made = new Error('made up')
  t.mock.method(
    Buffer,
    'allocUnsafeSlow',
    () => {
      throw made
    },
    { times: 1 },
  )
  const bounds = { maxBytes: 100, maxMs: 1000, allocation: held.allocate('server') }
  const clock = new VirtualClock()
  readWhole(request, bounds, clock, { done: () => assert.fail(), fail: (error) => errors.push(error) })
  request.push('a')
  await turn()
  request.push('b')
  await turn()
  assert.deepEqual([errors, held.heldBytes(), clock.timers], [[made], 0, 0])
})
