/**
 * The least pace of a body, on virtual time.
 */
import assert from 'node:assert/strict'
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { test } from 'node:test'
import {
  BodyPace,
  LEAST_BYTES_PER_SEC,
  LEAST_LEASED_BYTES_PER_SEC,
  MOST_MS,
  WINDOW_MS,
} from '../../src/upstream/body-pace.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

function open() {
  const clock = new VirtualClock()
  const request = new IncomingMessage(new Socket())
  let isSlow = false
  const pace = new BodyPace(clock, request, () => (isSlow = true))
  const send = (bytes: number): unknown => request.emit('data', Buffer.alloc(bytes))
  return { clock, request, pace, send, isSlow: () => isSlow }
}

const ENOUGH = (LEAST_BYTES_PER_SEC * WINDOW_MS) / 1000

test('who sends less than the least pace in a window is slow, who sends as much is not', () => {
  for (const [bytes, expected] of [
    [ENOUGH, false],
    [ENOUGH - 1, true],
  ] as const) {
    const { clock, send, isSlow, pace } = open()
    send(bytes)
    clock.advance(WINDOW_MS - 1)
    assert.equal(isSlow(), false)
    clock.advance(1)
    assert.equal(isSlow(), expected)
    pace.stop()
  }
})

test('what came in one window does not count in the next', () => {
  const { clock, send, isSlow } = open()
  send(100 * ENOUGH)
  clock.advance(WINDOW_MS)
  assert.equal(isSlow(), false)
  clock.advance(WINDOW_MS)
  assert.equal(isSlow(), true)
})

test('with a lease more is asked for', () => {
  const { clock, send, isSlow, pace } = open()
  pace.holdsLease()
  send((LEAST_LEASED_BYTES_PER_SEC * WINDOW_MS) / 1000 - 1)
  clock.advance(WINDOW_MS)
  assert.equal(isSlow(), true)
})

test('the time in which nobody takes the bytes does not count, the rest of the window does', () => {
  const { clock, request, send, isSlow } = open()
  request.emit('pause')
  clock.advance(10 * WINDOW_MS)
  assert.equal(isSlow(), false)
  clock.advance(WINDOW_MS / 2)
  request.emit('resume')
  send(ENOUGH / 2)
  clock.advance(WINDOW_MS / 2)
  assert.equal(isSlow(), false)
  request.emit('pause')
  clock.advance(WINDOW_MS / 2)
  request.emit('resume')
  send(ENOUGH / 2 - 1)
  clock.advance(WINDOW_MS / 2)
  assert.equal(isSlow(), true)
})

test('a body has an end, however steadily it comes', () => {
  const { clock, send, isSlow } = open()
  for (let ms = 0; ms < MOST_MS; ms += WINDOW_MS) {
    assert.equal(isSlow(), false)
    send(ENOUGH)
    clock.advance(WINDOW_MS)
  }
  send(ENOUGH)
  clock.advance(WINDOW_MS)
  assert.equal(isSlow(), true)
})

test('nothing is left of it after the body', () => {
  const { clock, request, isSlow } = open()
  request.emit('end')
  clock.advance(10 * WINDOW_MS)
  assert.equal(isSlow(), false)
  assert.deepEqual([request.listenerCount('data'), request.listenerCount('pause')], [0, 0])
})
