/**
 * The pace of a body in the cases that body-pace.test.ts leaves out: a lease that comes later, a stop of the process, and
 * a body that is whole or over.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  BodyPace,
  LEAST_BYTES_PER_SEC,
  LEAST_LEASED_BYTES_PER_SEC,
  WINDOW_MS,
} from '../../src/upstream/body-pace.ts'
import { FakeCaller } from '../support/fake-caller.ts'
import type { FakeCallerFacts } from '../support/fake-caller.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const ENOUGH = (LEAST_BYTES_PER_SEC * WINDOW_MS) / 1000
const ENOUGH_WITH_LEASE = (LEAST_LEASED_BYTES_PER_SEC * WINDOW_MS) / 1000

function open(body: NonNullable<FakeCallerFacts['body']> = { toCome: true }) {
  const clock = new VirtualClock()
  const { request } = new FakeCaller({ method: 'POST', body })
  let slow = 0
  const pace = new BodyPace(clock, request, () => slow++)
  const send = (bytes: number): unknown => request.emit('data', Buffer.alloc(bytes))
  return { clock, request, pace, send, slow: () => slow }
}

test('a body that is whole already is not watched', () => {
  const { clock, request, pace, slow } = open('abc')
  pace.holdsLease()
  assert.deepEqual([clock.timers, request.listenerCount('pause')], [0, 0])
  clock.advance(10 * WINDOW_MS)
  assert.equal(slow(), 0)
})

test('a lease opens a new window, so that bytes sent before it do not count', () => {
  const { clock, pace, send, slow } = open()
  send(10 * ENOUGH_WITH_LEASE)
  clock.advance(WINDOW_MS / 2)
  pace.holdsLease()
  clock.advance(WINDOW_MS - 1)
  assert.equal(slow(), 0)
  clock.advance(1)
  assert.equal(slow(), 1)
})

test('a body that keeps the pace of a lease is not slow', () => {
  const { clock, pace, send, slow } = open()
  pace.holdsLease()
  for (let window = 0; window < 5; window++) {
    send(ENOUGH_WITH_LEASE)
    clock.advance(WINDOW_MS)
  }
  assert.equal(slow(), 0)
  pace.stop()
})

test('the time in which this process stood still does not count as sending', () => {
  const { clock, send, slow } = open()
  clock.advance(WINDOW_MS / 2)
  send(ENOUGH / 2)
  clock.stop(10 * WINDOW_MS)
  clock.advance(0)
  assert.equal(slow(), 0)
})

test('a slow body is told once, and nothing is left of its watch', () => {
  const { clock, request, send, slow } = open()
  clock.advance(10 * WINDOW_MS)
  send(1)
  assert.deepEqual([slow(), clock.timers], [1, 0])
  for (const event of ['data', 'pause', 'resume']) assert.equal(request.listenerCount(event), 0)
})

test('a watch that was stopped is not started again by a lease', () => {
  const { clock, pace, slow } = open()
  pace.stop()
  pace.stop()
  pace.holdsLease()
  assert.equal(clock.timers, 0)
  clock.advance(10 * WINDOW_MS)
  assert.equal(slow(), 0)
})

test('a caller that breaks off is not slow', () => {
  const { clock, request, slow } = open()
  request.emit('close')
  clock.advance(10 * WINDOW_MS)
  assert.deepEqual([slow(), clock.timers], [0, 0])
})

test('a pause that lasts over a lease counts in each window only for its part in it', () => {
  for (const [bytes, expected] of [
    [ENOUGH_WITH_LEASE / 2, 0],
    [ENOUGH_WITH_LEASE / 2 - 1, 1],
  ] as const) {
    const { clock, request, pace, send, slow } = open()
    clock.advance(WINDOW_MS / 4)
    request.emit('pause')
    clock.advance(WINDOW_MS / 2)
    pace.holdsLease()
    clock.advance(WINDOW_MS / 2)
    request.emit('resume')
    send(bytes)
    clock.advance(WINDOW_MS / 2)
    assert.equal(slow(), expected)
    pace.stop()
  }
})
