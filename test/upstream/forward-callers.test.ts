/**
 * One attempt whose caller leaves or sends a body, and an attempt that is given back: how the lease is settled in each
 * state, and what the owner is told.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WINDOW_MS } from '../../src/upstream/body-pace.ts'
import { AttemptRig, turns } from './attempt-rig.ts'
import type { RigFacts } from './attempt-rig.ts'

const MAX_BYTES_AFTER_CALLER_LEFT = 16_777_216

interface Leaving {
  readonly name: string
  readonly facts?: RigFacts
  /** Before the caller leaves. */
  readonly before?: (rig: AttemptRig) => void
  readonly then: 'cancel' | 'finish'
  /** After the caller has left. */
  readonly after?: (rig: AttemptRig) => void
  readonly end: string
  readonly result?: string
}

const LEAVINGS: readonly Leaving[] = [
  {
    name: 'a caller that leaves before the head is a hang-up of the time that it waited',
    before: ({ tool, clock }) => {
      tool.start()
      clock.advance(70)
    },
    then: 'cancel',
    end: 'cancelled dropped 70',
  },
  {
    name: 'a caller that leaves in the body says nothing about the tool',
    before: ({ tool }) => tool.head(200).data('a'),
    then: 'cancel',
    end: 'cancelled ignored',
  },
  {
    name: 'a caller that leaves a held answer says nothing about the tool',
    facts: { heldStatuses: [503] },
    before: ({ tool }) => tool.head(503).data('a'),
    then: 'cancel',
    end: 'cancelled ignored',
  },
  {
    name: 'a caller that leaves while Spillway connects keeps its lease until the connection is there',
    before: ({ clock }) => clock.advance(30),
    then: 'cancel',
    after: (rig) => {
      assert.deepEqual([rig.ends, rig.results], [[], []])
      rig.clock.advance(500)
      rig.tool.start()
    },
    end: 'cancelled dropped 30',
  },
  {
    name: 'a caller that leaves while Spillway connects keeps its lease until the connection fails',
    then: 'cancel',
    after: (rig) => rig.tool.fail('ECONNREFUSED'),
    end: 'cancelled dropped 0',
  },
  {
    name: 'a caller that leaves while Spillway connects can have its lease reclaimed',
    then: 'cancel',
    after: (rig) => rig.lease.reclaim(),
    end: 'failed ignored',
  },
  {
    name: 'a tool may finish for a caller that left before the head',
    before: ({ tool }) => tool.start(),
    then: 'finish',
    after: (rig) => {
      assert.deepEqual([rig.ends, rig.tool.isAborted], [[], false])
      rig.clock.advance(40)
      rig.tool.respond(200, 'abc')
    },
    end: 'completed ok 40',
  },
  {
    name: 'a tool may finish for a caller that left in the body',
    before: ({ tool }) => tool.head(200).data('a'),
    then: 'finish',
    after: ({ tool }) => tool.data('b').end(),
    end: 'completed ok 0',
  },
  {
    name: 'a tool may finish a held answer for a caller that left, and no retry replaces it',
    facts: { heldStatuses: [503] },
    before: ({ tool }) => tool.head(503).data('a'),
    then: 'finish',
    after: ({ tool }) => tool.data('b').end(),
    end: 'completed dropped',
  },
  {
    name: 'a tool that breaks after its caller left is blamed nevertheless',
    before: ({ tool }) => tool.head(200),
    then: 'finish',
    after: ({ tool }) => tool.fail('ECONNRESET'),
    end: 'failed dropped',
    result: 'passed cancelled body reset',
  },
  {
    name: 'a tool that is silent after its caller left loses the lease',
    before: ({ tool }) => tool.head(200),
    then: 'finish',
    after: ({ tool, lease }) => {
      lease.reclaim()
      assert.equal(tool.isAborted, true)
    },
    end: 'failed ignored',
  },
  {
    name: 'a tool may send 16 MiB after its caller left and no byte more',
    before: ({ tool }) => tool.head(200),
    then: 'finish',
    after: (rig) => {
      rig.tool.data(Buffer.alloc(MAX_BYTES_AFTER_CALLER_LEFT))
      assert.deepEqual([rig.tool.isAborted, rig.ends], [false, []])
      rig.tool.data('x')
      assert.equal(rig.tool.isAborted, true)
    },
    end: 'cancelled ignored',
  },
  {
    name: 'a tool cannot finish for a caller that left in the middle of its body',
    facts: { method: 'POST', body: { toCome: true } },
    before: ({ tool }) => tool.start(),
    then: 'finish',
    end: 'cancelled ignored',
  },
  {
    name: 'a tool cannot switch protocols for a caller that left',
    facts: { protocol: 'websocket' },
    before: ({ tool }) => tool.start(),
    then: 'finish',
    end: 'cancelled dropped 0',
  },
]

for (const { name, facts, before, then, after, end, result = 'passed cancelled' } of LEAVINGS) {
  test(`${name} (${then}); its lease is settled once as ${end}`, () => {
    const rig = new AttemptRig(facts)
    before?.(rig)
    const { heads, pieces } = rig.caller
    const sent = [heads.length, pieces.length]
    rig.leave(then)
    after?.(rig)
    assert.deepEqual([rig.ends, rig.results], [[end], [result]])
    assert.deepEqual([heads.length, pieces.length], sent, 'nothing is written to a caller that left')
    rig.lease.reclaim()
    rig.attempt.giveBack()
    assert.deepEqual([rig.lease.ends.length, rig.owner.results.length], [1, 1])
  })
}

test('a paused answer goes on when its caller leaves and the tool may finish', () => {
  const { caller, tool, attempt, lease } = new AttemptRig()
  caller.isSlow = true
  tool.head(200).data('a')
  assert.equal(tool.controller.paused, true)
  attempt.callerLeft('finish')
  assert.deepEqual([tool.controller.paused, lease.waits.at(-1)], [false, 'tool'])
})

test('an interim answer is not written to a caller that left', () => {
  const { caller, tool, attempt } = new AttemptRig()
  tool.start()
  attempt.callerLeft('finish')
  tool.interim(103)
  assert.deepEqual(caller.interims, [])
})

const STATES: readonly [name: string, reach: (rig: AttemptRig) => void][] = [
  ['before its connection', () => undefined],
  ['before its head', ({ tool }) => tool.start()],
  ['in its body', ({ tool }) => tool.head(200).data('a')],
]

for (const [name, reach] of STATES) {
  test(`an attempt that is given back ${name} settles its lease once and tells no result`, () => {
    const rig = new AttemptRig()
    reach(rig)
    rig.attempt.giveBack()
    rig.tool.start()
    rig.attempt.giveBack()
    rig.attempt.callerLeft('finish')
    assert.equal(rig.tool.isAborted, true)
    assert.deepEqual([rig.ends, rig.results], [['failed ignored'], []])
  })
}

test('an attempt that is over cannot be given back', () => {
  const rig = new AttemptRig()
  rig.tool.respond(200)
  rig.attempt.giveBack()
  assert.deepEqual([rig.ends, rig.tool.isAborted], [['completed ok 0'], false])
})

test('an attempt that is given back aborts its request even if settling the lease fails', () => {
  const rig = new AttemptRig()
  rig.tool.start()
  rig.lease.isFailing = true
  assert.throws(() => rig.attempt.giveBack(), /settling fails/)
  assert.equal(rig.tool.isAborted, true)
})

test('an attempt that is given back takes no more of the body', async () => {
  const { attempt, caller, upload } = new AttemptRig({ method: 'POST', body: { toCome: true } })
  attempt.giveBack()
  caller.request.send('late')
  await turns()
  assert.equal(upload?.body.readableLength, 0)
})

test('a request with a body waits for the caller, then for the tool, and the latency counts from its end', async () => {
  const rig = new AttemptRig({ method: 'POST', body: { toCome: true } })
  const { caller, clock, lease, tool } = rig
  assert.deepEqual(lease.waits, ['caller'])
  const body = tool.takeBody()
  caller.request.send('abc')
  await turns()
  const { renewals } = lease
  assert.ok(renewals >= 2, 'a piece renews when it comes and when it is written')
  clock.advance(900)
  caller.request.finish()
  assert.equal(await body, 'abc')
  assert.equal(lease.waits.at(-1), 'tool')
  clock.advance(25)
  tool.respond(200)
  assert.deepEqual(rig.ends, ['completed ok 25'])
})

test('a caller that leaves after its whole body was written is a hang-up of the time since then', async () => {
  const rig = new AttemptRig({ method: 'POST', body: 'abc' })
  await rig.tool.takeBody()
  rig.clock.advance(60)
  rig.leave('cancel')
  assert.deepEqual(rig.ends, ['cancelled dropped 60'])
})

test('a caller that breaks off in its body is no fault of the tool', async () => {
  const rig = new AttemptRig({ method: 'POST', body: { toCome: true } })
  const body = rig.tool.takeBody()
  rig.caller.request.send('abc')
  await turns()
  rig.caller.request.destroy(new Error('aborted'))
  await body
  assert.deepEqual([rig.ends, rig.results], [['cancelled ignored'], ['passed cancelled']])
})

test('a body that exceeds its bound is refused', async () => {
  const rig = new AttemptRig({ method: 'POST', body: { toCome: true }, maxBytes: 4 })
  const body = rig.tool.takeBody()
  rig.caller.request.send('abcde')
  await body
  assert.deepEqual([rig.ends, rig.results], [['failed ignored'], ['failed BODY_TOO_LARGE']])
})

test('a body that comes too slowly is refused', async () => {
  const rig = new AttemptRig({ method: 'POST', body: { toCome: true } })
  const body = rig.tool.takeBody()
  rig.clock.advance(WINDOW_MS)
  await body
  assert.deepEqual([rig.ends, rig.results], [['failed ignored'], ['failed REQUEST_TIMEOUT']])
})

test('a tool that closes on an incomplete body is not counted as overloaded', () => {
  const rig = new AttemptRig({ method: 'POST', body: { toCome: true } })
  rig.tool.start().fail('EPIPE')
  assert.deepEqual([rig.ends, rig.results], [['failed ignored'], ['failed UPSTREAM_FAILED head reset']])
})

test('a tool that answers before the body is whole ends the attempt, and the rest of the body is not taken', async () => {
  const rig = new AttemptRig({ method: 'POST', body: { toCome: true } })
  rig.tool.respond(413, 'no')
  assert.deepEqual([rig.ends, rig.results], [['completed ignored'], ['passed completed']])
  assert.deepEqual([rig.caller.status, rig.caller.text], [413, 'no'])
  rig.caller.request.send('rest')
  await turns()
  assert.equal(rig.upload?.body.readableLength, 0)
})
