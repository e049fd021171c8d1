/**
 * How much of bodies is read before their calls have a place: for one, for a tool, for all.
 */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { FRESH_MS, OWN_BYTES, TOOL_SHARE } from '../../src/capacity/body-memory.ts'
import { AHEAD_BYTES, Intake } from '../../src/call/read-ahead.ts'
import type { Arrived } from '../../src/call/read-ahead.ts'
import type { Routed } from '../../src/call/routed.ts'
import { mostHeldBytes } from '../../src/capacity/held-bytes.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

/** As in a container of 128 MiB. */
const MOST_BYTES = mostHeldBytes(134_217_728)
const MOST_TOOL_BYTES = MOST_BYTES * TOOL_SHARE
const PIECE = Buffer.alloc(65_536)

function open() {
  const clock = new VirtualClock()
  const nobody = (): void => undefined
  const intake = new Intake({
    clock,
    admit: nobody,
    refuse: nobody,
    cancelled: nobody,
    comeBackMs: () => 1000,
    mostBytes: MOST_BYTES,
  })
  const read = (tool: string) => {
    const request = Object.assign(new PassThrough(), { complete: false, rawHeaders: [], method: 'POST' })
    const response = new EventEmitter()
    const settings = { maxBodyBytes: Infinity, retries: { max: 0 } }
    const arrived: Arrived[] = []
    intake.read(
      {
        call: { request, response },
        tool: { tool, settings },
        containment: { around: (act: unknown) => act },
      } as unknown as Routed,
      (each) => arrived.push(each),
    )
    const send = async (bytes: number, piece = PIECE): Promise<void> => {
      for (let sent = 0; sent < bytes && arrived.length === 0; sent += piece.length) {
        request.write(piece)
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    const leave = (): unknown => response.emit('close')
    return { arrived, send, leave, request }
  }
  return { intake, read, clock }
}

test('of one body no more is read ahead than its bound, and what was read is given back with the response', async () => {
  const { intake, read } = open()
  const body = read('t')
  await body.send(3 * AHEAD_BYTES)
  assert.equal(body.arrived[0]?.kind, 'here')
  assert.ok(intake.bytes >= AHEAD_BYTES && intake.bytes <= AHEAD_BYTES + 2 * PIECE.length, `${intake.bytes}`)
  assert.ok(body.request.isPaused())
  body.leave()
  assert.equal(intake.bytes, 0)
})

test('pieces of one byte count for what they cost', async () => {
  const { read } = open()
  const body = read('t')
  await body.send(AHEAD_BYTES / 128, Buffer.alloc(1))
  assert.equal(body.arrived[0]?.kind, 'here')
  body.leave()
})

test('a tool has its share and leaves the others theirs; all together have a bound', async () => {
  const { intake, read } = open()
  const open_ = []
  for (const tool of ['a', 'b', 'c', 'd', 'e', 'f']) {
    for (let i = 0; i < 8; i++) {
      const body = read(tool)
      open_.push(body)
      await body.send(AHEAD_BYTES - 4 * PIECE.length)
      // Until its share is used up, each waits for the rest of its body.
      if (body.arrived.length > 0) break
    }
    if (tool === 'a')
      assert.ok(intake.bytes > MOST_TOOL_BYTES / 2 && intake.bytes <= MOST_TOOL_BYTES + AHEAD_BYTES)
  }
  assert.ok(intake.bytes > MOST_BYTES / 2 && intake.bytes <= MOST_BYTES + 6 * AHEAD_BYTES, `${intake.bytes}`)
  for (const body of open_) body.leave()
  assert.equal(intake.bytes, 0)
})

test('a caller who leaves is gone once, and leaves nothing', async () => {
  const { intake, read, clock } = open()
  const body = read('t')
  await body.send(1)
  body.leave()
  clock.advance(100_000)
  assert.deepEqual(body.arrived, [{ kind: 'gone' }])
  assert.equal(intake.bytes, 0)
})

test('where the memory is used up, small bodies have room and the oldest that still comes gives way', async () => {
  const { intake, read, clock } = open()
  const bodies = Array.from({ length: 5 }, () => read('t'))
  for (const body of bodies) await body.send(AHEAD_BYTES - 2 * PIECE.length)
  assert.ok(intake.bytes > MOST_TOOL_BYTES)
  const small = read('t')
  await small.send(OWN_BYTES / 2, Buffer.alloc(OWN_BYTES / 4))
  const large = read('t')
  await large.send(2 * PIECE.length)
  assert.deepEqual([small.arrived, large.arrived], [[], []])
  assert.deepEqual([small.request.isPaused(), large.request.isPaused()], [false, true])
  for (const { arrived } of bodies) assert.deepEqual(arrived, [])
  clock.advance(2 * FRESH_MS)
  assert.deepEqual(bodies[0]?.arrived, [{ kind: 'PROXY_OVERLOADED' }])
  assert.deepEqual([bodies.at(-1)?.arrived, small.arrived, large.arrived], [[], [], []])
  assert.equal(large.request.isPaused(), false)
  assert.ok(intake.bytes <= MOST_TOOL_BYTES + PIECE.length)
  for (const body of [...bodies, small, large]) body.leave()
  assert.equal(intake.bytes, 0)
})

test('bodies that are here keep their memory: another is streamed', async () => {
  const { read } = open()
  const bodies = Array.from({ length: 5 }, () => read('t'))
  for (const body of bodies) await body.send(2 * AHEAD_BYTES)
  for (const { arrived } of bodies) assert.equal(arrived[0]?.kind, 'here')
  const another = read('t')
  await another.send(2 * PIECE.length)
  assert.equal(another.arrived[0]?.kind, 'here')
})
