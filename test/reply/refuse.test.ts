/**
 * The HTTP form of a refusal, for every reason: status and not_executed as docs/reasons.md promises, headers, body and
 * Retry-After.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { REASONS } from '../../src/lane/reason.ts'
import type { Reason } from '../../src/lane/reason.ts'
import { refuse } from '../../src/reply/refuse.ts'
import type { LaneView, Reply } from '../../src/reply/refuse.ts'
import { read, tableAfter } from '../repo/tree.ts'

/** The status and `not_executed` of each reason in docs/reasons.md. */
const PROMISED = new Map(
  tableAfter(read('docs/reasons.md'), '# Reasons').map(([reason, status, notExecuted]) => [
    reason,
    { status: Number(status), notExecuted: notExecuted === 'true' },
  ]),
)

function promised(reason: Reason) {
  const row = PROMISED.get(reason)
  assert.ok(row, `docs/reasons.md has no row for ${reason}`)
  return row
}

const LANE: LaneView = {
  tool: 'github',
  maxQueueDepth: 120,
  fallbackTools: ['search_cache'],
  depths: { queueDepth: 120, active: 8, limit: 6 },
}

const reply = (reason: Reason, retryAfterMs?: number, lane: LaneView | undefined = LANE): Reply =>
  refuse({ reason, requestId: 'id-1', lane, retryAfterMs })

function headersOf({ headers }: Reply): Map<string, string> {
  const names = headers.filter((_, i) => i % 2 === 0)
  assert.equal(new Set(names.map((name) => name.toLowerCase())).size, names.length, 'a header is repeated')
  return new Map(names.map((name, i) => [name.toLowerCase(), headers[2 * i + 1] ?? '']))
}

const bodyOf = ({ body }: Reply): Record<string, unknown> => JSON.parse(body) as Record<string, unknown>

for (const reason of REASONS) {
  const { status, notExecuted } = promised(reason)

  test(`${reason} is answered with ${status} and not_executed ${notExecuted}`, () => {
    const answer = reply(reason, 15_000)
    const body = bodyOf(answer)
    const headers = headersOf(answer)
    assert.equal(answer.status, status)
    assert.deepEqual([body['accepted'], body['reason'], body['not_executed']], [false, reason, notExecuted])
    assert.equal(headers.get('x-spillway-reason'), reason)
    assert.equal(headers.get('x-spillway-tool'), 'github')
    assert.equal(headers.get('content-type'), 'application/json')
    assert.equal(headers.get('cache-control'), 'no-store')
    assert.equal(headers.get('content-length'), String(Buffer.byteLength(answer.body)))
  })

  const isTemporary = status === 429 || status === 503
  test(`${reason} ${isTemporary ? 'is answered with a Retry-After' : 'is answered without a Retry-After'}`, () => {
    const answer = reply(reason, 14_001)
    const headers = headersOf(answer)
    assert.equal(headers.get('retry-after'), isTemporary ? '15' : undefined)
    assert.equal(headers.get('retry-after-ms'), isTemporary ? '14001' : undefined)
    assert.equal(answer.retryAfterMs, isTemporary ? 14_001 : undefined)
    assert.equal('retry_after_ms' in bodyOf(answer), isTemporary)
  })

  test(`the message of ${reason} is one or two sentences without placeholders`, () => {
    for (const lane of [LANE, undefined]) {
      const message = String(bodyOf(refuse({ reason, requestId: 'id-1', lane }))['message'])
      assert.doesNotMatch(message, /\$|undefined|null/)
      assert.match(message, /^[A-Z].*\.$/)
    }
  })
}

test('a refusal has exactly the keys of the contract, in the same order', () => {
  assert.deepEqual(Object.keys(bodyOf(reply('QUEUE_SATURATED', 15_000))), [
    'accepted',
    'reason',
    'tool',
    'retry_after_ms',
    'not_executed',
    'message',
    'queue_depth',
    'max_queue_depth',
    'active_workers',
    'limit',
    'priority',
    'request_id',
    'fallback_tools',
  ])
})

test('a refusal carries the figures of its lane', () => {
  const { message, ...rest } = bodyOf(reply('QUEUE_SATURATED', 15_000))
  assert.match(String(message), /github.*15 s/)
  assert.deepEqual(rest, {
    accepted: false,
    reason: 'QUEUE_SATURATED',
    tool: 'github',
    retry_after_ms: 15_000,
    not_executed: true,
    queue_depth: 120,
    max_queue_depth: 120,
    active_workers: 8,
    limit: 6,
    priority: 'normal',
    request_id: 'id-1',
    fallback_tools: ['search_cache'],
  })
})

test('a refusal without a lane has no tool and no figures', () => {
  const answer = refuse({ reason: 'NO_ROUTE', requestId: 'id-1' })
  const { message, ...rest } = bodyOf(answer)
  assert.ok(message)
  assert.equal(headersOf(answer).has('x-spillway-tool'), false)
  assert.deepEqual(rest, {
    accepted: false,
    reason: 'NO_ROUTE',
    tool: null,
    not_executed: true,
    priority: 'normal',
    request_id: 'id-1',
    fallback_tools: [],
  })
})

test('a detail is added to the message in brackets', () => {
  const answer = refuse({ reason: 'BAD_REQUEST', requestId: 'id-1', detail: 'there is no Host header' })
  assert.match(String(bodyOf(answer)['message']), /\(there is no Host header\)$/)
})

test('a temporary refusal without an estimate has a Retry-After of one second', () => {
  const headers = headersOf(refuse({ reason: 'DRAINING', requestId: 'id-1', lane: LANE }))
  assert.deepEqual([headers.get('retry-after'), headers.get('retry-after-ms')], ['1', '1000'])
})

test('Retry-After is a whole number of seconds from 1 to 30, never earlier than retry-after-ms', () => {
  fc.assert(
    fc.property(fc.constantFrom(...REASONS), fc.integer({ min: 0, max: 30_000 }), (reason, retryAfterMs) => {
      const headers = headersOf(reply(reason, retryAfterMs))
      const seconds = headers.get('retry-after')
      if (seconds === undefined) return
      assert.match(seconds, /^([1-9]|[12]\d|30)$/)
      assert.ok(Number(seconds) * 1000 >= retryAfterMs)
      assert.ok(Number(seconds) === 1 || Number(seconds) * 1000 < retryAfterMs + 1000)
      assert.equal(headers.get('retry-after-ms'), String(retryAfterMs))
    }),
  )
})

test('a refusal after the tool may have been called says so in not_executed and in the message', () => {
  for (const reason of ['INTERNAL', 'REQUEST_TIMEOUT'] as const) {
    const body = bodyOf(refuse({ reason, requestId: 'id-1', lane: LANE, notExecuted: false }))
    assert.equal(body['not_executed'], false)
    assert.match(String(body['message']), /may have had an effect/)
  }
})
