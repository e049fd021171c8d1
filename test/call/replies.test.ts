/**
 * Spillway's own answers by themselves, without a pipeline: which of them end the connection, what is told of them, and
 * what a caller gets after an error of Spillway's own.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newRequestId } from '../../src/call/identifiers.ts'
import { Replies } from '../../src/call/replies.ts'
import { REASONS } from '../../src/lane/reason.ts'
import { Drain } from '../../src/listen/drain.ts'
import { Events } from '../../src/observe/events.ts'
import type { ToolEvent } from '../../src/observe/events.ts'
import { FakeCaller } from '../support/fake-caller.ts'

function open() {
  const told: { readonly tool: string; readonly event: ToolEvent }[] = []
  const events = new Events()
  events.subscribe((tool, event) => told.push({ tool, event }))
  const drain = new Drain()
  const replies = new Replies({ events, drain, random: () => 0 })
  const kinds = (): string[] => told.map(({ event }) => event.kind)
  return { replies, drain, told, kinds }
}

test('only PROXY_OVERLOADED and REQUEST_TIMEOUT end the connection, and in a drain every answer does', () => {
  const ending = (isDraining: boolean): string[] =>
    REASONS.filter((reason) => {
      const { replies, drain } = open()
      if (isDraining) void drain.start()
      const caller = new FakeCaller()
      replies.refuseUnrouted(caller, 'id', { reason })
      return caller.heads[0]?.isLast
    })
  assert.deepEqual(ending(false), ['PROXY_OVERLOADED', 'REQUEST_TIMEOUT'])
  assert.deepEqual(ending(true), [...REASONS])
})

test('a refusal without a tool is told once as replied and once as finished, under the name of no tool', () => {
  const { replies, told } = open()
  replies.refuseUnrouted(new FakeCaller(), 'id', { reason: 'NO_ROUTE', detail: 'known paths: none' })
  assert.deepEqual(
    told.map(({ tool, event }) => [tool, event.kind]),
    [
      ['-', 'replied'],
      ['-', 'finished'],
    ],
  )
})

test('a refusal carries its id and its detail, and waits for no body that was not asked for', () => {
  const { replies } = open()
  const caller = new FakeCaller({ method: 'POST', awaitsContinue: true, body: { toCome: true } })
  replies.refuseUnrouted(caller, 'my-id', { reason: 'BAD_REQUEST', detail: 'why' })
  assert.deepEqual([caller.status, caller.json['request_id'], caller.proceeds], [400, 'my-id', 0])
  assert.match(String(caller.json['message']), /\(why\)$/)
  assert.ok(caller.isEnded)
})

test('after an error a caller without a head gets INTERNAL, which says whether the tool may have seen the call', () => {
  for (const notExecuted of [true, false]) {
    const { replies } = open()
    const caller = new FakeCaller()
    replies.breakOff({ caller, requestId: 'id' }, notExecuted)
    assert.deepEqual(
      [caller.status, caller.json['reason'], caller.json['not_executed']],
      [500, 'INTERNAL', notExecuted],
    )
  }
})

test('after an error a caller in the middle of its answer is cut off, and that is told as broken', () => {
  const { replies, told } = open()
  const caller = new FakeCaller()
  caller.head({ status: 200, headers: [] })
  replies.breakOff({ caller, requestId: 'id' }, false)
  assert.equal(caller.isCut, true)
  assert.deepEqual(
    told.map(({ event }) => (event.kind === 'finished' ? event.outcome : event.kind)),
    ['broken'],
  )
})

test('after an error a caller that has its whole answer is left alone', async () => {
  const { replies, kinds } = open()
  const caller = new FakeCaller()
  caller.head({ status: 200, headers: [] })
  caller.end('done')
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(caller.answered, 'whole')
  replies.breakOff({ caller, requestId: 'id' }, false)
  assert.deepEqual([caller.isCut, kinds()], [false, []])
})

test('an error is told with the request that it met', () => {
  const { replies, told } = open()
  replies.broke({ requestId: 'id' }, new TypeError('text'))
  const [only] = told
  assert.ok(only?.event.kind === 'internal_error')
  assert.deepEqual([only.tool, only.event.requestId, only.event.error], ['-', 'id', 'TypeError'])
})

test('a request that could not be read is answered as text with Connection: close, and told as refused', () => {
  const { replies, kinds } = open()
  const answer = replies.malformed('HEADERS_TOO_LARGE', 'more than 256 lines')
  assert.match(answer, /^HTTP\/1\.1 431 [^\r]*\r\nConnection: close\r\n/)
  assert.match(answer, /more than 256 lines/)
  assert.deepEqual(kinds(), ['replied', 'finished'])
})

test('two requests never get the same id', () => {
  const ids = Array.from({ length: 1000 }, newRequestId)
  assert.equal(new Set(ids).size, 1000)
})
