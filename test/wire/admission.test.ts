/**
 * Admission as callers see it, on real sockets against a real process: which calls run, which wait in the queue and
 * which are refused. A caller that leaves must free its place, and an operator can pause a lane or pin its limit.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually, pause } from '../support/eventually.ts'
import { after, fakeTool } from '../support/fake-tool.ts'
import { startSpillway } from '../support/process.ts'

interface Answered {
  readonly status: number
  readonly ms: number
  readonly headers: Headers
  readonly body: Record<string, unknown>
}

async function call(url: string, init: RequestInit = {}): Promise<Answered> {
  const startedAt = performance.now()
  const response = await fetch(url, init)
  const text = await response.text()
  const isJson = response.headers.get('content-type') === 'application/json'
  const body = isJson ? (JSON.parse(text) as Record<string, unknown>) : { text }
  return { status: response.status, ms: performance.now() - startedAt, headers: response.headers, body }
}

test('30 calls at once at a lane of 3 with a queue of 6 give 9 answers and 21 immediate refusals', async () => {
  await using tool = await fakeTool(after(400))
  await using spillway = await startSpillway(
    `tools: { slow: { upstream: "${tool.url}", maxConcurrent: 3, maxQueueDepth: 6, fallbackTools: [cache] } }`,
  )
  const answers = await Promise.all(Array.from({ length: 30 }, () => call(`${spillway.proxy}/slow/x`)))
  const ok = answers.filter(({ status }) => status === 200)
  const refused = answers.filter(({ status }) => status === 429)
  assert.equal(ok.length, 9)
  assert.equal(refused.length, 21)
  assert.equal(tool.seen.mostActive, 3)
  assert.equal(tool.seen.calls, 9)
  // The tool takes 400 ms for its first answers; every refusal must arrive before them.
  assert.ok(Math.max(...refused.map(({ ms }) => ms)) < Math.min(...ok.map(({ ms }) => ms)))
  for (const { headers, body } of refused) {
    const seconds = headers.get('retry-after') ?? ''
    assert.match(seconds, /^[1-9]\d*$/)
    assert.ok(Number(seconds) <= 30)
    assert.equal(headers.get('x-spillway-reason'), 'QUEUE_SATURATED')
    assert.equal(headers.get('cache-control'), 'no-store')
    assert.deepEqual(
      {
        reason: body['reason'],
        tool: body['tool'],
        accepted: body['accepted'],
        notExecuted: body['not_executed'],
      },
      { reason: 'QUEUE_SATURATED', tool: 'slow', accepted: false, notExecuted: true },
    )
    assert.deepEqual(body['fallback_tools'], ['cache'])
    assert.equal(Math.ceil((body['retry_after_ms'] as number) / 1000), Number(seconds))
  }
  const advised = new Set(refused.map(({ body }) => body['retry_after_ms']))
  assert.ok(advised.size >= 10, `refused callers are spread: ${[...advised].join(' ')}`)
  const lane = await spillway.lane('slow')
  assert.deepEqual(lane.totals, {
    admitted: 9,
    completed: 9,
    failed: 0,
    refused: { QUEUE_SATURATED: 21 },
    reclaimed: 0,
    cancelled: 0,
  })
  assert.equal(lane.active_workers, 0)
  const metrics = await spillway.metrics()
  assert.match(metrics, /^spillway_requests_total\{tool="slow",outcome="completed"\} 9$/m)
  assert.match(metrics, /^spillway_requests_total\{tool="slow",outcome="refused"\} 21$/m)
  assert.match(
    metrics,
    /^spillway_refused_total\{tool="slow",reason="QUEUE_SATURATED",priority="normal"\} 21$/m,
  )
  assert.match(metrics, /^spillway_queue_wait_seconds_count\{tool="slow",priority="normal"\} 9$/m)
})

test('a ticket that reaches its TTL is refused and never reaches the tool', async () => {
  await using tool = await fakeTool(after(1500))
  await using spillway = await startSpillway(
    `tools: { slow: { upstream: "${tool.url}", maxConcurrent: 1, maxQueueDepth: 5, ttlSeconds: 0.5 } }`,
  )
  const [first, ...stale] = await Promise.all(
    Array.from({ length: 4 }, async (_, i) => {
      await pause(i * 20)
      return call(`${spillway.proxy}/slow`)
    }),
  )
  assert.equal(first?.status, 200)
  assert.deepEqual(
    stale.map(({ status, body }) => [status, body['reason']]),
    Array.from({ length: 3 }, () => [429, 'QUEUE_TTL_EXPIRED']),
  )
  await pause(300)
  assert.equal(tool.seen.calls, 1)
})

test('a caller that leaves while waiting frees its place at once and is never forwarded', async () => {
  await using tool = await fakeTool(after(800))
  await using spillway = await startSpillway(
    `tools: { slow: { upstream: "${tool.url}", maxConcurrent: 1, maxQueueDepth: 1 } }`,
  )
  const running = call(`${spillway.proxy}/slow/first`)
  await eventually(async () => assert.equal((await spillway.lane('slow')).active_workers, 1))
  const leaving = new AbortController()
  const left = call(`${spillway.proxy}/slow/left`, { signal: leaving.signal })
  await eventually(async () => assert.equal((await spillway.lane('slow')).queue_depth, 1))
  leaving.abort()
  await assert.rejects(left)
  await eventually(async () => assert.equal((await spillway.lane('slow')).queue_depth, 0))
  assert.equal((await call(`${spillway.proxy}/slow/second`)).status, 200)
  assert.equal((await running).status, 200)
  assert.equal(tool.seen.calls, 2)
  assert.equal((await spillway.lane('slow')).totals.cancelled, 1)
})

test('a caller that leaves while waiting with a large body frees its place at once', async () => {
  await using tool = await fakeTool(after(1500))
  await using spillway = await startSpillway(
    `tools: { slow: { upstream: "${tool.url}", maxConcurrent: 1, maxQueueDepth: 1 } }`,
  )
  const running = call(`${spillway.proxy}/slow`)
  await eventually(async () => assert.equal((await spillway.lane('slow')).active_workers, 1))
  const leaving = new AbortController()
  const left = call(`${spillway.proxy}/slow`, {
    method: 'POST',
    body: Buffer.alloc(700_000),
    signal: leaving.signal,
  })
  await eventually(async () => assert.equal((await spillway.lane('slow')).queue_depth, 1))
  await pause(100)
  leaving.abort()
  await assert.rejects(left)
  await eventually(async () => assert.equal((await spillway.lane('slow')).queue_depth, 0), 1000)
  await running
})

test('an operator pauses a lane, pins its limit and hands the limit back to the controller', async () => {
  await using tool = await fakeTool(after(20))
  await using spillway = await startSpillway(`tools: { api: { upstream: "${tool.url}", maxConcurrent: 4 } }`)
  const patch = async (body: object) => {
    const response = await fetch(`${spillway.admin}/lanes/api`, {
      method: 'PATCH',
      body: JSON.stringify(body),
    })
    return { status: response.status, lane: (await response.json()) as { paused: boolean; limit: number } }
  }
  assert.equal((await patch({ paused: true })).lane.paused, true)
  const refused = await call(`${spillway.proxy}/api`)
  assert.deepEqual([refused.status, refused.body['reason']], [503, 'LANE_PAUSED'])
  assert.match(refused.headers.get('retry-after') ?? '', /^[1-9]\d*$/)
  assert.equal((await patch({ paused: false, limit: 2 })).lane.limit, 2)
  assert.equal((await call(`${spillway.proxy}/api`)).status, 200)
  assert.equal((await patch({ limit: 9 })).status, 400)
  assert.equal((await patch({ limit: 'auto' })).lane.limit, 4)
  assert.equal((await patch({ limit: 1, for: '200ms' })).lane.limit, 1)
  await eventually(async () => assert.equal((await spillway.lane('api')).limit, 4))
})
