/**
 * Bodies that are read before it is decided where they go: whole, or not at all, within bounds.
 */
import assert from 'node:assert/strict'
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { Peeker } from '../../src/route/peek.ts'
import type { Peeked } from '../../src/route/peek.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const BOUNDS = { maxBytes: 10, maxMs: 1000 }

function peeking(clock: VirtualClock, peeker: Peeker) {
  const request = new IncomingMessage(new Socket())
  const results: Peeked[] = []
  peeker.peek(request, BOUNDS, (peeked) => results.push(peeked))
  return { request, results, clock }
}

/** Streams hand on what they have in a turn of their own. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('a body is read whole, whatever pieces it comes in, and counts until it is released', async () => {
  const peeker = new Peeker(new VirtualClock())
  const { request, results, clock } = peeking(new VirtualClock(), peeker)
  for (const piece of ['abc', 'de', null]) request.push(piece)
  await turn()
  assert.deepEqual(results, [{ kind: 'whole', body: Buffer.from('abcde') }])
  assert.deepEqual([peeker.heldBytes, clock.timers], [5, 0])
  peeker.release(Buffer.from('abcde'))
  assert.equal(peeker.heldBytes, 0)
})

test('a body over its bound ends the reading, and nothing of it is held', async () => {
  const peeker = new Peeker(new VirtualClock())
  const { request, results } = peeking(new VirtualClock(), peeker)
  for (const piece of ['abcdefgh', 'ijk', 'l', null]) request.push(piece)
  await turn()
  assert.deepEqual([results, peeker.heldBytes], [[{ kind: 'too large' }], 0])
})

test('all bodies together are bounded, and room comes back', async () => {
  const peeker = new Peeker(new VirtualClock(), 12)
  const first = peeking(new VirtualClock(), peeker)
  first.request.push('abcdefgh')
  await turn()
  const second = peeking(new VirtualClock(), peeker)
  second.request.push('abcde')
  await turn()
  assert.deepEqual([second.results, peeker.heldBytes], [[{ kind: 'no room' }], 8])
  first.request.push(null)
  await turn()
  peeker.release(Buffer.from('abcdefgh'))
  assert.equal(peeker.heldBytes, 0)
})

test('a caller that is too slow, or leaves, holds nothing', async () => {
  const clock = new VirtualClock()
  const peeker = new Peeker(clock)
  const slow = peeking(clock, peeker)
  slow.request.push('abc')
  await turn()
  clock.advance(1000)
  assert.deepEqual([slow.results, peeker.heldBytes], [[{ kind: 'too slow' }], 0])
  const gone = peeking(clock, peeker)
  gone.request.push('abc')
  gone.request.destroy()
  await turn()
  assert.deepEqual([gone.results, peeker.heldBytes, clock.timers], [[{ kind: 'gone' }], 0, 0])
})

test('a body in pieces of one byte costs what it holds, not what its pieces would', async () => {
  const request = new IncomingMessage(new Socket())
  const results: Peeked[] = []
  new Peeker(new VirtualClock()).peek(request, { maxBytes: 200_000, maxMs: 1000 }, (each) =>
    results.push(each),
  )
  const piece = Buffer.alloc(65_536, 'x')
  for (let at = 0; at < 100_000; at++) request.emit('data', piece.subarray(at % 65_536, (at % 65_536) + 1))
  request.emit('end')
  await turn()
  const [peeked] = results
  assert.ok(peeked?.kind === 'whole')
  assert.equal(peeked.body.toString(), 'x'.repeat(100_000))
  assert.ok(peeked.body.buffer.byteLength <= 200_000)
})

test('pieces are put together in their order, and the first is not written over', async () => {
  const { request, results } = peeking(new VirtualClock(), new Peeker(new VirtualClock()))
  const first = Buffer.from('abcdef').subarray(0, 3)
  for (const piece of [first, Buffer.from('12'), Buffer.from('34')]) request.emit('data', piece)
  request.emit('end')
  await turn()
  assert.deepEqual(results, [{ kind: 'whole', body: Buffer.from('abc1234') }])
  assert.equal(first.buffer.byteLength >= 6 && first.toString(), 'abc')
})
