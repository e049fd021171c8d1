/**
 * The way of an answer to its caller: pausing the tool, counting the caller's time, holding the answer back, and counting
 * what comes after the caller left.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Dispatcher } from 'undici'
import { Answer } from '../../src/upstream/answer.ts'
import { headFor } from '../../src/upstream/answer-head.ts'
import type { Head } from '../../src/upstream/answer-head.ts'
import type { AttemptParts } from '../../src/upstream/attempt.ts'
import { FakeCaller } from '../support/fake-caller.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { FakeLease, FakeOwner } from './attempt-rig.ts'

function headWith(...headers: string[]): Head {
  return headFor({ httpVersion: '1.1' }, { status: 200, text: '', headers })
}

function open() {
  const clock = new VirtualClock()
  const caller = new FakeCaller()
  const lease = new FakeLease()
  const owner = new FakeOwner()
  const answer = new Answer({ clock, caller, lease, owner } as unknown as AttemptParts)
  const calls: string[] = []
  const controller = {
    pause: () => calls.push('pause'),
    resume: () => calls.push('resume'),
  } as unknown as Dispatcher.DispatchController
  const write = (piece: string): void => answer.write(Buffer.from(piece), controller)
  return { clock, caller, lease, owner, answer, calls, write }
}

test('an answer writes each piece at once while its caller reads', () => {
  const { answer, caller, calls, write, lease } = open()
  answer.begin(headWith(), false)
  assert.equal(caller.status, 200)
  write('a')
  write('b')
  assert.deepEqual([caller.text, calls, lease.waits, answer.callerMs], ['ab', [], [], 0])
  assert.equal(answer.held, undefined)
})

test('the time of each pause is added up as the time of the caller', () => {
  const { answer, caller, clock, calls, write, lease } = open()
  answer.begin(headWith(), false)
  for (const pauseMs of [30, 12]) {
    caller.isSlow = true
    write('a')
    clock.advance(pauseMs)
    caller.readUp()
    clock.advance(100)
  }
  assert.deepEqual([answer.callerMs, calls], [42, ['pause', 'resume', 'pause', 'resume']])
  assert.deepEqual([lease.waits, lease.renewals], [['caller', 'tool', 'caller', 'tool'], 2])
})

test('an error in resuming the tool goes to the owner of the attempt', () => {
  const { answer, caller, owner } = open()
  answer.begin(headWith(), false)
  caller.isSlow = true
  const controller = {
    pause: () => undefined,
    resume: () => {
      throw new Error('made up: resume fails')
    },
  } as unknown as Dispatcher.DispatchController
  answer.write(Buffer.from('a'), controller)
  caller.readUp()
  assert.match(String(owner.errors), /resume fails/)
})

test('an answer that is held back writes nothing and keeps its trailers', () => {
  const { answer, caller, write } = open()
  answer.begin(headWith(), true)
  write('a')
  answer.end([['X-Sum', '7']])
  assert.deepEqual([caller.heads, caller.pieces, caller.isEnded], [[], [], false])
  answer.held?.sendWholeTo(caller)
  assert.deepEqual([caller.text, caller.trailers, caller.isEnded], ['a', [['X-Sum', '7']], true])
})

test('an answer that grows over the bound of a held answer is streamed with all its pieces', () => {
  const { answer, caller, write, calls } = open()
  answer.begin(headWith(), true)
  write('a'.repeat(65_536))
  assert.notEqual(answer.held, undefined)
  caller.isSlow = true
  write('b')
  assert.deepEqual([answer.held, caller.text.length, calls], [undefined, 65_537, ['pause']])
  caller.readUp()
  write('c')
  answer.end([])
  assert.deepEqual([caller.text.slice(65_535), caller.isEnded], ['abc', true])
})

for (const [headers, trailers] of [
  [[], [['X-Sum', '7']]],
  [['Content-Length', '0'], []],
] as const) {
  test(`an answer with the headers [${headers.join(' ')}] ends with ${trailers.length} trailers`, () => {
    const { answer, caller } = open()
    answer.begin(headWith(...headers), false)
    answer.end([['X-Sum', '7']])
    assert.deepEqual([caller.trailers, caller.isEnded], [trailers, true])
  })
}

test('16 MiB in all may be discarded after the caller left', () => {
  const { answer } = open()
  assert.equal(answer.discard(Buffer.alloc(16_777_215)), true)
  assert.equal(answer.discard(Buffer.alloc(1)), true)
  assert.equal(answer.discard(Buffer.alloc(1)), false)
})
