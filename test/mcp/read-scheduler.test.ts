/**
 * Messages are schedulerd in turns, so that long ones keep nothing else waiting.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BodyReader } from '../../src/mcp/read.ts'
import { ReadScheduler, STEP_BYTES } from '../../src/mcp/read-scheduler.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const HEADERS = { contentType: ['application/json'], contentEncoding: [], version: [], method: [], name: [] }

function judging() {
  const clock = new VirtualClock()
  const scheduler = new ReadScheduler(clock)
  const done: string[] = []
  /** A ping of this many steps. */
  const read = (server: string, steps: number, name = server) => {
    const bytes = Buffer.from(`{"id":1,"method":"ping","params":"${'x'.repeat(STEP_BYTES * (steps - 1))}"}`)
    return scheduler.read(
      server,
      { bytes, headers: HEADERS },
      (body) => done.push(`${name} ${body.kind}`),
      assert.ifError,
    )
  }
  /** One turn of the loop. */
  const turn = (): void => clock.advanceTo(clock.nextDueAtMs())
  return { clock, scheduler, done, read, turn }
}

test('a short message is schedulerd at once, and sets no timer', () => {
  const { clock, done, read } = judging()
  read('a', 1)
  assert.deepEqual([done, clock.timers], [['a request'], 0])
})

test('a message that is refused early costs no more than its beginning', () => {
  const { clock, scheduler } = judging()
  const bytes = Buffer.from(`[${'{},'.repeat(1_000_000)}{}]`)
  const kinds: string[] = []
  scheduler.read('a', { bytes, headers: HEADERS }, ({ kind }) => kinds.push(kind), assert.ifError)
  assert.deepEqual([kinds, clock.timers], [['problem'], 0])
})

test('long messages take turns by server, and one timer serves them all', () => {
  const { clock, done, read, turn } = judging()
  for (const name of ['a1', 'a2', 'a3']) read('a', 4, name)
  read('b', 2)
  assert.deepEqual([done, clock.timers], [[], 1])
  turn()
  turn()
  assert.deepEqual(done, ['b request'])
  while (clock.timers > 0) turn()
  assert.deepEqual(done, ['b request', 'a1 request', 'a2 request', 'a3 request'])
})

test('a message whose caller has left is looked at no more', () => {
  const { clock, scheduler, done, read } = judging()
  const timer = read('a', 3)
  read('a', 3, 'a2')
  timer.clear()
  timer.clear()
  assert.equal(scheduler.waiting, 1)
  while (clock.timers > 0) clock.advanceTo(clock.nextDueAtMs())
  assert.deepEqual([done, scheduler.waiting], [['a2 request'], 0])
})

test('an error over one message is that message’s own: the others go on', () => {
  const { clock, scheduler, done, read } = judging()
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

test('an error of ours in a later turn ends the message that it met, and no request', (t) => {
  const { clock, scheduler, done, read } = judging()
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
