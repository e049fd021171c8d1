/**
 * How much of bodies is read before their calls have a place: for one, for a tool, for all.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FRESH_MS, OWN_BYTES, TOOL_SHARE } from '../../src/capacity/read-ahead-memory.ts'
import { maxBodyMemoryBytes } from '../../src/capacity/message-memory.ts'
import { NO_BODY } from '../../src/call/body.ts'
import { Call } from '../../src/call/call.ts'
import type { CallFacts, CallParts } from '../../src/call/call-state.ts'
import { AHEAD_BYTES, ReadAhead } from '../../src/call/read-ahead.ts'
import type { CallRefusal } from '../../src/call/replies.ts'
import { FakeCaller } from '../support/fake-caller.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

/** As in a container of 128 MiB. */
const MOST_BYTES = maxBodyMemoryBytes(134_217_728)
const MOST_TOOL_BYTES = MOST_BYTES * TOOL_SHARE
const PIECE = Buffer.alloc(65_536)

function open() {
  const clock = new VirtualClock()
  const readAhead = new ReadAhead({ clock, replies: { untilReplacedMs: () => 1000 }, maxBytes: MOST_BYTES })
  const parts = { clock, events: { emit: () => undefined }, drain: { leave: () => undefined } }
  const read = (
    tool: string,
    { maxBodyBytes = Infinity, declaredBytes = undefined as number | undefined } = {},
  ) => {
    const settings = { maxBodyBytes, retries: { max: 0 } }
    const body =
      declaredBytes === undefined ? { toCome: true as const } : { toCome: true as const, declaredBytes }
    const caller = new FakeCaller({ method: 'POST', body })
    const facts = { caller, tool: { tool, settings }, body: { kind: 'unread', bytes: declaredBytes } }
    const call = new Call(facts as unknown as CallFacts, parts as unknown as CallParts)
    /** `undefined` for a body that is here. */
    const results: (CallRefusal | undefined)[] = []
    readAhead.read(call, (refused) => results.push(refused))
    const send = async (bytes: number, piece = PIECE): Promise<void> => {
      for (let sent = 0; sent < bytes && results.length === 0; sent += piece.length) {
        caller.request.send(piece)
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    return { results, send, caller, call, request: caller.request, leave: () => caller.leave() }
  }
  return { readAhead, read, clock }
}

test('of one body no more is read ahead than its bound, and what was read is given back with the response', async () => {
  const { readAhead, read } = open()
  const body = read('t')
  await body.send(3 * AHEAD_BYTES)
  assert.deepEqual([body.results, body.call.body.kind], [[undefined], 'streamed'])
  const { bytes } = readAhead
  assert.ok(bytes >= AHEAD_BYTES && bytes <= AHEAD_BYTES + 2 * PIECE.length, `${bytes}`)
  assert.ok(body.request.isPaused())
  body.leave()
  assert.equal(readAhead.bytes, 0)
})

test('a body that came whole is here', async () => {
  const { read, clock } = open()
  const body = read('t', { declaredBytes: 5 })
  clock.advance(700)
  body.request.send('hello')
  body.request.finish()
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(body.results, [undefined])
  assert.ok(body.call.body.kind === 'streamed' && body.call.body.bytes === 5)
  body.leave()
  assert.equal(clock.timers, 0)
})

test('pieces of one byte count for what they cost', async () => {
  const { read } = open()
  const body = read('t')
  await body.send(AHEAD_BYTES / 128, Buffer.alloc(1))
  assert.deepEqual(body.results, [undefined])
  body.leave()
})

test('a body over the bound of its tool is refused while it comes, and what was read is given back', async () => {
  const { readAhead, read, clock } = open()
  const body = read('t', { maxBodyBytes: PIECE.length })
  await body.send(2 * PIECE.length)
  assert.deepEqual(body.results, [{ reason: 'BODY_TOO_LARGE' }])
  assert.deepEqual([readAhead.bytes, clock.timers], [0, 0])
  body.leave()
  assert.equal(readAhead.bytes, 0)
})

test('a body that comes below the least pace is refused as too slow', async () => {
  const { readAhead, read, clock } = open()
  const body = read('t')
  await body.send(1, Buffer.alloc(1))
  clock.advance(19_999)
  assert.deepEqual(body.results, [])
  clock.advance(1)
  assert.deepEqual([body.results, readAhead.bytes, clock.timers], [[{ reason: 'REQUEST_TIMEOUT' }], 0, 0])
})

test('a tool has its share and leaves the others theirs; all together have a bound', async () => {
  const { readAhead, read } = open()
  const bodies = []
  for (const tool of ['a', 'b', 'c', 'd', 'e', 'f']) {
    for (let i = 0; i < 8; i++) {
      const body = read(tool)
      bodies.push(body)
      await body.send(AHEAD_BYTES - 4 * PIECE.length)
      // Until its share is used up, each waits for the rest of its body.
      if (body.results.length > 0) break
    }
    if (tool === 'a')
      assert.ok(readAhead.bytes > MOST_TOOL_BYTES / 2 && readAhead.bytes <= MOST_TOOL_BYTES + AHEAD_BYTES)
  }
  const { bytes } = readAhead
  assert.ok(bytes > MOST_BYTES / 2 && bytes <= MOST_BYTES + 6 * AHEAD_BYTES, `${bytes}`)
  for (const body of bodies) body.leave()
  assert.equal(readAhead.bytes, 0)
})

test('a caller who leaves is not told of again, and leaves nothing', async () => {
  const { readAhead, read, clock } = open()
  const body = read('t')
  await body.send(1)
  body.leave()
  assert.equal(body.call.isEnded, true)
  clock.advance(100_000)
  assert.deepEqual([body.results, readAhead.bytes, clock.timers], [[], 0, 0])
})

test('where the memory is used up, small bodies have room and the oldest that still comes gives way', async () => {
  const { readAhead, read, clock } = open()
  const bodies = Array.from({ length: 5 }, () => read('t'))
  for (const body of bodies) await body.send(AHEAD_BYTES - 2 * PIECE.length)
  assert.ok(readAhead.bytes > MOST_TOOL_BYTES)
  const small = read('t')
  await small.send(OWN_BYTES / 2, Buffer.alloc(OWN_BYTES / 4))
  const large = read('t')
  await large.send(2 * PIECE.length)
  assert.deepEqual([small.results, large.results], [[], []])
  assert.deepEqual([small.request.isPaused(), large.request.isPaused()], [false, true])
  for (const { results } of bodies) assert.deepEqual(results, [])
  clock.advance(2 * FRESH_MS)
  const [refused] = bodies[0]?.results ?? []
  assert.deepEqual([refused?.reason, refused?.retryAfterMs], ['PROXY_OVERLOADED', 1000])
  assert.deepEqual([bodies.at(-1)?.results, small.results, large.results], [[], [], []])
  assert.equal(large.request.isPaused(), false)
  assert.ok(readAhead.bytes <= MOST_TOOL_BYTES + PIECE.length)
  for (const body of [...bodies, small, large]) body.leave()
  assert.equal(readAhead.bytes, 0)
})

test('bodies that are here keep their memory: another is streamed', async () => {
  const { read } = open()
  const bodies = Array.from({ length: 5 }, () => read('t'))
  for (const body of bodies) await body.send(2 * AHEAD_BYTES)
  for (const { results } of bodies) assert.deepEqual(results, [undefined])
  const another = read('t')
  await another.send(2 * PIECE.length)
  assert.deepEqual(another.results, [undefined])
})

test('beside a waiting call its body comes, unless there is none or its caller waits to be asked for it', () => {
  const { readAhead, read } = open()
  const { call } = read('t')
  readAhead.beside(call)
  assert.equal(call.body.kind, 'streamed')
  const none = read('t').call
  none.body = NO_BODY
  readAhead.beside(none)
  assert.equal(none.body.kind, 'none')
})
