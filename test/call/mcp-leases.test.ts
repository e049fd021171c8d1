/**
 * When the leases of MCP calls end, and with which verdict.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LeaseEnd } from '../../src/lane/lease.ts'
import { idKeyOf } from '../../src/mcp/message.ts'
import { McpLeases } from '../../src/call/mcp-leases.ts'
import type { AttemptLease } from '../../src/upstream/attempt.ts'

interface FakeLease extends AttemptLease {
  readonly ends: LeaseEnd[]
  renewals: number
  stop: () => void
}

function fakeLease(): FakeLease {
  const ends: LeaseEnd[] = []
  const lease: FakeLease = {
    ends,
    renewals: 0,
    stop: () => undefined,
    renew: () => {
      lease.renewals++
    },
    waitsFor: () => undefined,
    answered: () => undefined,
    accepted: () => undefined,
    settle: (end) => void ends.push(end),
    onReclaimed: (stop) => (lease.stop = stop),
  }
  return lease
}

function watching(...ids: readonly (string | number)[]) {
  const leases = ids.map(() => fakeLease())
  let answered = 0
  let over = 0
  const watch = new McpLeases({
    leases: new Map(ids.map((id, index) => [idKeyOf(id) ?? '', leases[index] as AttemptLease])),
    isResumable: true,
    onAllAnswered: () => answered++,
    onOver: () => over++,
  })
  return { watch, leases, first: leases[0] as FakeLease, answered: () => answered, over: () => over }
}

const EVENTS = ['content-type', 'text/event-stream']
const JSON_TYPE = ['Content-Type', 'application/json; charset=utf-8']
const event = (message: object): Buffer => Buffer.from(`data: ${JSON.stringify(message)}\n\n`)
const WHOLE: LeaseEnd = { cause: 'completed', verdict: 'ok', latencyMs: 50 }

test('in a stream a lease ends with the event that has the id of its call, however that is written', () => {
  const { watch, first, answered } = watching('é')
  watch.head(200, EVENTS)
  watch.chunk(event({ id: 'other', result: {} }), 10)
  watch.chunk(event({ method: 'notifications/progress' }), 20)
  assert.deepEqual(first.ends, [])
  watch.chunk(Buffer.from('data: {"id":"\\u00e9","result":{}}\n\n'), 30)
  assert.deepEqual(first.ends, [{ cause: 'completed', verdict: 'ok', latencyMs: 30 }])
  assert.deepEqual([watch.isOpen, answered()], [false, 1])
  watch.settle(WHOLE)
  assert.equal(first.ends.length, 1)
})

test('an answer in JSON ends its lease at the end of the body', () => {
  const { watch, first, answered } = watching(0)
  watch.head(200, JSON_TYPE)
  watch.chunk(Buffer.from('{"id":0,"result":{}}'), 10)
  assert.deepEqual(first.ends, [])
  watch.settle(WHOLE)
  assert.deepEqual([first.ends, answered()], [[WHOLE], 0])
})

for (const [what, message, verdict] of [
  ['isError', { id: 1, result: { isError: true } }, 'ok'],
  ['input_required', { id: 1, result: { resultType: 'input_required' } }, 'ok'],
  ['an error of the protocol', { id: 1, error: { code: -32602 } }, 'ignored'],
  ['an answer to another id', { id: 2, result: {} }, 'ignored'],
] as const) {
  test(`${what} is no latency sample`, () => {
    const { watch, first } = watching(1)
    watch.head(200, JSON_TYPE)
    watch.chunk(Buffer.from(JSON.stringify(message)), 10)
    watch.settle(WHOLE)
    assert.deepEqual(first.ends, [{ cause: 'completed', verdict, latencyMs: undefined }])
  })
}

test('a stream that ends without the answer says nothing about the tool', () => {
  const { watch, first } = watching(1)
  watch.head(200, EVENTS)
  watch.chunk(Buffer.from(': hello\n\n'), 10)
  watch.settle(WHOLE)
  assert.deepEqual(first.ends, [{ cause: 'completed', verdict: 'ignored', latencyMs: undefined }])
})

test('the lease of a call lasts when the server ends a stream with event ids before the answer', () => {
  const { watch, first, over } = watching(1)
  watch.head(200, EVENTS)
  watch.chunk(Buffer.from('id: e1\nretry: 500\ndata: \n\n'), 10)
  watch.settle(WHOLE)
  assert.deepEqual([first.ends, watch.isOpen, over()], [[], true, 0])
  const resumed = watch.move()
  resumed.head(200, EVENTS)
  resumed.chunk(event({ id: 1, result: {} }), 5)
  assert.deepEqual([first.ends.length, over()], [1, 1])
})

test('the lease of a cancelled call ends with the stream, also with event ids', () => {
  const { watch, first } = watching(1)
  watch.head(200, EVENTS)
  watch.chunk(Buffer.from('id: e1\ndata: \n\n'), 10)
  watch.cancelled()
  watch.settle(WHOLE)
  assert.equal(first.ends.length, 1)
})

test('a detached lease is renewed by messages, not by bytes, and ends when it is stopped', () => {
  const { watch, first, over } = watching(1)
  const resumed = watch.move()
  resumed.head(200, EVENTS)
  resumed.chunk(Buffer.from(': ping\n\n'), 5)
  assert.equal(first.renewals, 0)
  resumed.chunk(event({ method: 'notifications/progress' }), 5)
  assert.equal(first.renewals, 1)
  watch.stop()
  assert.deepEqual([first.ends, over()], [[{ cause: 'cancelled', verdict: 'ignored' }], 1])
})

test('two resumed streams are read independently of each other', () => {
  const { watch, leases } = watching(1, 2)
  const [a, b] = [watch.move(), watch.move()]
  a.head(200, EVENTS)
  a.chunk(Buffer.from('data: {"id":1,'), 5)
  b.head(200, EVENTS)
  b.chunk(Buffer.from('data: {"id":2,'), 5)
  a.chunk(Buffer.from('"result":{}}\n\n'), 5)
  b.chunk(Buffer.from('"result":{}}\n\n'), 5)
  assert.deepEqual(
    leases.map(({ ends }) => ends.length),
    [1, 1],
  )
})

test('an answer with Content-Encoding: identity is read', () => {
  const { watch, first } = watching(1)
  watch.head(200, [...EVENTS, 'Content-Encoding', 'identity'])
  watch.chunk(event({ id: 1, result: {} }), 10)
  assert.equal(first.ends.length, 1)
})

test('a failure by HTTP stands, and a compressed answer ends its lease at the end of the body', () => {
  for (const [status, headers, end] of [
    [503, JSON_TYPE, { cause: 'completed', verdict: 'dropped' }],
    [200, [...EVENTS, 'content-encoding', 'gzip'], WHOLE],
    [200, [...JSON_TYPE, 'Content-Encoding', 'br'], WHOLE],
  ] as const) {
    const { watch, first } = watching(1)
    watch.head(status, headers)
    watch.chunk(event({ id: 1, error: {} }), 10)
    watch.settle(end)
    assert.deepEqual(first.ends, [end])
  }
})

test('a cancelled call, and one during which the server asked its caller, give no latency sample', () => {
  for (const prepare of [
    (watch: McpLeases) => watch.cancelled(),
    (watch: McpLeases) => watch.chunk(event({ id: 's', method: 'sampling/createMessage' }), 5),
  ]) {
    const { watch, first } = watching(1)
    watch.head(200, EVENTS)
    prepare(watch)
    watch.chunk(event({ id: 1, result: {} }), 30)
    assert.deepEqual(first.ends, [{ cause: 'completed', verdict: 'ok', latencyMs: undefined }])
  }
})

test('the leases of a batch end one by one, and a reclaimed one stops the request', () => {
  const { watch, leases, answered } = watching(1, '1', 2)
  let stops = 0
  watch.onReclaimed(() => stops++)
  watch.head(200, EVENTS)
  watch.chunk(
    event([
      { id: '1', result: {} },
      { id: 2, result: {} },
    ]),
    10,
  )
  assert.deepEqual(
    leases.map(({ ends }) => ends.length),
    [0, 1, 1],
  )
  assert.equal(answered(), 0)
  leases[0]?.stop()
  watch.stop()
  assert.equal(stops, 2)
  watch.settle({ cause: 'failed', verdict: 'ignored' })
  assert.deepEqual(
    leases.map(({ ends }) => ends.length),
    [1, 1, 1],
  )
})

test('a detached lease ends with the answer in the resumed stream, not with its own request', () => {
  const { watch, first, answered, over } = watching(1)
  let stops = 0
  watch.onReclaimed(() => stops++)
  watch.head(200, EVENTS)
  watch.chunk(Buffer.from('data: {"id":1,'), 5)
  watch.move()
  const resumed = watch.move()
  watch.settle({ cause: 'failed', verdict: 'ignored' })
  assert.deepEqual([stops, first.ends, over()], [1, [], 0])
  resumed.head(200, EVENTS)
  resumed.chunk(event({ id: 1, result: {} }), 5)
  assert.deepEqual(first.ends, [{ cause: 'completed', verdict: 'ok', latencyMs: undefined }])
  assert.deepEqual([answered(), over()], [0, 1])
})

test('a detached lease without further messages is over when it is reclaimed', () => {
  const { watch, first, over } = watching(1)
  watch.move()
  first.stop()
  assert.deepEqual([watch.isOpen, over()], [false, 1])
})
