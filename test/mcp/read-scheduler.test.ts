/**
 * Bodies share the time for reading: long ones are read in steps, and the servers take turns.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BodyReader } from '../../src/mcp/read.ts'
import { ReadScheduler, STEP_BYTES } from '../../src/mcp/read-scheduler.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const HEADERS = { contentType: ['application/json'], contentEncoding: [], version: [], method: [], name: [] }

function reading() {
  const clock = new VirtualClock()
  const scheduler = new ReadScheduler(clock)
  const done: string[] = []
  /** Reads a ping that takes this many steps. */
  const read = (server: string, steps: number, name = server) => {
    const bytes = Buffer.from(`{"id":1,"method":"ping","params":"${'x'.repeat(STEP_BYTES * (steps - 1))}"}`)
    return scheduler.read(
      server,
      { bytes, headers: HEADERS },
      (body) => done.push(`${name} ${body.kind}`),
      assert.ifError,
    )
  }
  /** Lets the timer fire once. */
  const turn = (): void => clock.advanceTo(clock.nextDueAtMs())
  return { clock, scheduler, done, read, turn }
}

test('a short body is read at once, without a timer', () => {
  const { clock, done, read } = reading()
  read('a', 1)
  assert.deepEqual([done, clock.timers], [['a request'], 0])
})

test('a body with a problem near its beginning is not read further', () => {
  const { clock, scheduler } = reading()
  const bytes = Buffer.from(`[${'{},'.repeat(1_000_000)}{}]`)
  const kinds: string[] = []
  scheduler.read('a', { bytes, headers: HEADERS }, ({ kind }) => kinds.push(kind), assert.ifError)
  assert.deepEqual([kinds, clock.timers], [['problem'], 0])
})

test('servers take turns, bodies of one server wait for each other, and one timer serves all', () => {
  const { clock, done, read, turn } = reading()
  for (const name of ['a1', 'a2', 'a3']) read('a', 4, name)
  read('b', 2)
  assert.deepEqual([done, clock.timers], [[], 1])
  turn()
  turn()
  assert.deepEqual(done, ['b request'])
  while (clock.timers > 0) turn()
  assert.deepEqual(done, ['b request', 'a1 request', 'a2 request', 'a3 request'])
})

test('a body whose timer is cleared is not read further', () => {
  const { clock, scheduler, done, read } = reading()
  const timer = read('a', 3)
  read('a', 3, 'a2')
  timer.clear()
  timer.clear()
  assert.equal(scheduler.waiting, 1)
  while (clock.timers > 0) clock.advanceTo(clock.nextDueAtMs())
  assert.deepEqual([done, scheduler.waiting], [['a2 request'], 0])
})

test('an error of a callback does not stop the reading of other bodies', () => {
  const { clock, scheduler, done, read } = reading()
  const bytes = Buffer.from(`"${'x'.repeat(STEP_BYTES)}"`)
  scheduler.read(
    'a',
    { bytes, headers: HEADERS },
    () => {
      throw new Error('made up')
    },
    assert.ifError,
  )
  read('b', 3)
  assert.throws(() => clock.advance(10), /made up/)
  while (clock.timers > 0) clock.advanceTo(clock.nextDueAtMs())
  assert.deepEqual([done, scheduler.waiting], [['b request'], 0])
})

test('an error of the reader in a later step is reported for its body, and the others are read', (t) => {
  const { clock, scheduler, done, read } = reading()
  const errors: unknown[] = []
  const bytes = Buffer.from(`"${'x'.repeat(2 * STEP_BYTES)}"`)
  scheduler.read(
    'a',
    { bytes, headers: HEADERS },
    () => assert.fail(),
    (error) => errors.push(error),
  )
  read('b', 3)
  const made = new Error('made up')
  t.mock.method(
    BodyReader.prototype,
    'step',
    () => {
      throw made
    },
    { times: 1 },
  )
  while (clock.timers > 0) clock.advanceTo(clock.nextDueAtMs())
  assert.deepEqual([errors, done, scheduler.waiting], [[made], ['b request'], 0])
})
