/**
 * One attempt whose tool answers: what the caller gets, and what the lease and the owner are told. forward-failures.test.ts
 * has exchanges that fail, forward-callers.test.ts has callers that leave or send a body.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AttemptRig } from './attempt-rig.ts'

const THROTTLED = ['x-ratelimit-remaining', '0', 'x-ratelimit-reset', '7']

test('a streamed answer reaches the caller with its head, its bytes and its trailers', () => {
  const { caller, clock, tool, lease, owner, seen, results } = new AttemptRig()
  assert.deepEqual([tool.path, tool.options.method, tool.options.body], ['/v1/x', 'GET', null])
  clock.advance(20)
  tool.head(200, ['Content-Type', 'text/plain', 'Trailer', 'X-Sum'], 'Fine')
  assert.deepEqual(caller.heads, [
    {
      status: 200,
      text: 'Fine',
      headers: [
        ...['Content-Type', 'text/plain', 'Trailer', 'X-Sum'],
        ...['Server-Timing', 'queue;dur=12.5, upstream;dur=20.0', 'X-Spillway-Tool', 't'],
      ],
      isChunked: true,
    },
  ])
  tool.data('ab')
  assert.equal(caller.text, 'ab')
  clock.advance(30)
  tool.data('cd')
  assert.deepEqual([lease.ends, results], [[], []])
  tool.end(['X-Sum', '7'])
  assert.deepEqual([caller.text, caller.trailers, caller.isEnded], ['abcd', [['X-Sum', '7']], true])
  assert.deepEqual(owner.answers, [{ status: 200, firstByteMs: 20 }])
  assert.deepEqual(seen, ['200', 'ab 20', 'cd 50'])
  assert.deepEqual(owner.results, [
    { kind: 'passed', outcome: 'completed', durationMs: 50, fault: undefined },
  ])
  assert.deepEqual(lease.ends, [{ cause: 'completed', verdict: 'ok', latencyMs: 50, pushback: undefined }])
})

test('an answer with a Content-Length loses its trailers', () => {
  const { caller, tool } = new AttemptRig()
  tool.head(200, ['Content-Length', '2', 'Trailer', 'X-Sum']).data('ab').end(['X-Sum', '7'])
  assert.deepEqual([caller.trailers, caller.header('trailer')], [[], undefined])
})

test('the head and each piece of the answer renew the lease', () => {
  const { tool, lease } = new AttemptRig()
  assert.equal(lease.renewals, 0)
  tool.head(200)
  assert.equal(lease.renewals, 1)
  tool.data('a').data('b')
  assert.equal(lease.renewals, 3)
})

const LATENCIES: readonly [name: string, status: number, headers: readonly string[], end: string][] = [
  ['a whole good answer counts to its last byte', 200, [], 'completed ok 50'],
  ['a redirect counts to its last byte', 302, [], 'completed ok 50'],
  ['a stream of events counts to its head', 200, ['Content-Type', 'text/event-stream'], 'completed ok 20'],
  ['a refused request has no latency', 404, [], 'completed ignored'],
  ['a failed call has no latency', 500, [], 'completed dropped'],
  ['a throttled call has no latency', 429, [], 'completed dropped'],
]

for (const [name, status, headers, end] of LATENCIES) {
  test(`${name} (${status})`, () => {
    const rig = new AttemptRig()
    const { clock, tool } = rig
    clock.advance(20)
    tool.head(status, headers)
    clock.advance(30)
    tool.data('x').end()
    assert.deepEqual([rig.ends, rig.results], [[end], ['passed completed']])
  })
}

const ACCEPTANCES: readonly [
  status: number,
  headers: readonly string[],
  accepted: number,
  waitMs?: number,
][] = [
  [200, [], 1],
  [404, [], 1],
  [500, [], 0],
  [503, ['retry-after', '3'], 0, 3000],
  [429, ['retry-after', '3'], 0, 3000],
  [403, ['retry-after', '3'], 0, 3000],
  [200, THROTTLED, 0, 7000],
]

for (const [status, headers, accepted, waitMs] of ACCEPTANCES) {
  const verb = accepted === 1 ? 'shows' : 'does not show'
  test(`a ${status} with [${headers.join(' ')}] ${verb} at its head that the tool takes calls`, () => {
    const { clock, tool, lease } = new AttemptRig()
    clock.advance(5)
    tool.head(status, headers)
    assert.deepEqual([lease.acceptances, lease.answers], [accepted, [5]])
    tool.end()
    assert.equal(lease.ends[0]?.pushback?.retryAfterMs, waitMs)
  })
}

test('a caller that does not read pauses the tool, and its time is not part of the latency', () => {
  const rig = new AttemptRig()
  const { caller, clock, tool, lease } = rig
  clock.advance(10)
  tool.head(200)
  caller.isSlow = true
  tool.data('a')
  assert.deepEqual([tool.controller.paused, lease.waits], [true, ['caller']])
  clock.advance(500)
  const { renewals } = lease
  caller.readUp()
  assert.deepEqual([tool.controller.paused, lease.waits], [false, ['caller', 'tool']])
  assert.equal(lease.renewals, renewals + 1)
  clock.advance(15)
  tool.end()
  assert.deepEqual(rig.ends, ['completed ok 25'])
})

test('an interim answer is passed on without a renewal of the lease', () => {
  const { caller, tool, lease } = new AttemptRig()
  tool.start().interim(103, ['Link', '</a>'])
  assert.deepEqual(caller.interims, [{ status: 103, headers: ['Link', '</a>'] }])
  assert.equal(lease.renewals, 0)
})

test('100 Continue is not passed on, because Spillway asks for the body itself', () => {
  const { caller, tool } = new AttemptRig()
  tool.start().interim(100)
  assert.deepEqual(caller.interims, [])
})

test('an interim head from undici is not taken for the answer', () => {
  const { caller, tool, lease } = new AttemptRig()
  tool.head(103)
  assert.deepEqual([caller.heads, lease.answers, lease.renewals], [[], [], 0])
})

test('an answer in a status that may be retried is held back whole', () => {
  const rig = new AttemptRig({ heldStatuses: [503] })
  const { caller, clock, tool, owner } = rig
  tool.head(503).data('a')
  clock.advance(40)
  tool.data('b').end(['X-Sum', '7'])
  assert.deepEqual([caller.heads, caller.pieces, caller.isEnded], [[], [], false])
  assert.deepEqual([rig.ends, rig.results], [['completed dropped'], ['held 503']])
  const [result] = owner.results
  assert.ok(result?.kind === 'held')
  assert.equal(result.durationMs, 40)
  result.answer.sendWholeTo(caller)
  assert.deepEqual([caller.status, caller.text, caller.trailers], [503, 'ab', [['X-Sum', '7']]])
  assert.equal(caller.isEnded, true)
})

test('an answer in another status is not held back', () => {
  const { caller, tool } = new AttemptRig({ heldStatuses: [503] })
  tool.head(500)
  assert.equal(caller.status, 500)
})

test('a held answer that exceeds its bound is streamed from there on', () => {
  const rig = new AttemptRig({ heldStatuses: [503] })
  const { caller, tool } = rig
  tool.head(503).data(Buffer.alloc(65_536, 'a'))
  assert.deepEqual(caller.heads, [])
  tool.data('b')
  assert.deepEqual([caller.status, caller.text.length, caller.text.at(-1)], [503, 65_537, 'b'])
  tool.data('c').end()
  assert.deepEqual([caller.text.at(-1), caller.isEnded], ['c', true])
  assert.deepEqual([rig.ends, rig.results], [['completed dropped'], ['passed completed']])
})

test('an answer is not held back if the body of its request cannot be sent again', async () => {
  const { caller, tool } = new AttemptRig({ method: 'PUT', body: 'abc', keepBytes: 2, heldStatuses: [503] })
  await tool.takeBody()
  tool.head(503)
  assert.equal(caller.status, 503)
})

test('an error of Spillway in a callback of undici goes to the owner and not to undici', () => {
  const { caller, tool, owner } = new AttemptRig()
  caller.failing = 'head'
  tool.head(200)
  assert.match(String(owner.errors), /head fails/)
})
