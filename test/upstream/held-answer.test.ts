/**
 * An answer that is held back: what it keeps, and in which order it is sent.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { headFor } from '../../src/upstream/answer-head.ts'
import { HeldAnswer } from '../../src/upstream/held-answer.ts'
import { FakeCaller } from '../support/fake-caller.ts'

const MAX_BYTES = 65_536

function heldWith(headers: string[] = []): HeldAnswer {
  return new HeldAnswer(headFor({ httpVersion: '1.1' }, { status: 503, text: 'Busy', headers }))
}

test('a held answer sends its head, its pieces in order and its trailers', () => {
  const caller = new FakeCaller()
  const held = heldWith(['X-A', '1'])
  assert.equal(held.status, 503)
  for (const piece of ['a', 'b']) assert.equal(held.add(Buffer.from(piece)), true)
  held.addTrailers([['X-Sum', '7']])
  assert.equal(caller.status, undefined)
  held.sendWholeTo(caller)
  assert.deepEqual([caller.status, caller.heads[0]?.text, caller.header('x-a')], [503, 'Busy', '1'])
  assert.deepEqual([caller.pieces.map(String), caller.trailers], [['a', 'b'], [['X-Sum', '7']]])
  assert.equal(caller.isEnded, true)
})

test('a held answer with a Content-Length is sent without trailers', () => {
  const caller = new FakeCaller()
  const held = heldWith(['Content-Length', '0'])
  held.addTrailers([['X-Sum', '7']])
  held.sendWholeTo(caller)
  assert.deepEqual([caller.trailers, caller.isEnded], [[], true])
})

test('the part of a held answer that has come is sent without an end', () => {
  const caller = new FakeCaller()
  const held = heldWith()
  held.add(Buffer.from('a'))
  held.sendTo(caller)
  assert.deepEqual([caller.text, caller.isEnded], ['a', false])
})

test('a held answer keeps 64 KiB in all and refuses the piece that exceeds them', () => {
  const caller = new FakeCaller()
  const held = heldWith()
  assert.equal(held.add(Buffer.alloc(MAX_BYTES - 1)), true)
  assert.equal(held.add(Buffer.alloc(1)), true)
  assert.equal(held.add(Buffer.alloc(1)), false)
  held.sendTo(caller)
  assert.equal(caller.text.length, MAX_BYTES)
})
