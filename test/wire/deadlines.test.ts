/**
 * Deadlines that callers state in a header, on real sockets: which calls are refused at once, which after their wait, and
 * which of these headers reach the tool. Also when a caller that gives up counts as an error of the tool.
 */
import assert from 'node:assert/strict'
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { test } from 'node:test'
import { eventually, pause } from '../support/eventually.ts'
import { after, fakeTool } from '../support/fake-tool.ts'
import type { FakeTool } from '../support/fake-tool.ts'
import { startSpillway } from '../support/process.ts'

/** A deadline of 300 ms in each of the three headers, and in one of several headers, where the shortest counts. */
const DEADLINES: readonly Record<string, string>[] = [
  { 'X-Spillway-Ttl-Ms': '300' },
  { 'X-Envoy-Expected-Rq-Timeout-Ms': '300' },
  { 'X-Stainless-Timeout': '0.3' },
  { 'X-Spillway-Ttl-Ms': '50000', 'X-Envoy-Expected-Rq-Timeout-Ms': '300', 'X-Stainless-Timeout': '600' },
]
const MALFORMED: readonly Record<string, string>[] = [
  { 'X-Spillway-Ttl-Ms': '0' },
  { 'X-Spillway-Ttl-Ms': '-5' },
  { 'X-Spillway-Ttl-Ms': '1e1' },
  { 'X-Envoy-Expected-Rq-Timeout-Ms': '10ms' },
  { 'X-Envoy-Expected-Rq-Timeout-Ms': '1.5' },
  { 'X-Stainless-Timeout': 'soon' },
]

async function call(url: string, headers: Record<string, string> = {}) {
  const startedAt = performance.now()
  const response = await fetch(url, { headers })
  await response.text()
  const reason = response.headers.get('x-spillway-reason')
  return { status: response.status, reason, tookMs: performance.now() - startedAt }
}

const start = (tool: FakeTool) =>
  startSpillway(
    `tools: { slow: { upstream: "${tool.url}", maxConcurrent: 1, controller: { algorithm: fixed } } }`,
  )

/** From now on the tool holds each response until the test ends it. */
function hold(tool: FakeTool): ServerResponse[] {
  const held: ServerResponse[] = []
  tool.answer = (_request, response) => held.push(response)
  return held
}

test('in a lane without samples, a deadline in any of its headers ends the wait, and the tool is not called', async () => {
  await using tool = await fakeTool(after(0))
  const held = hold(tool)
  await using spillway = await start(tool)
  const url = `${spillway.proxy}/slow/x`
  const running = call(url)
  await eventually(() => assert.equal(tool.seen.active, 1))
  const told = await Promise.all(DEADLINES.map((headers) => call(url, headers)))
  for (const { status, reason, tookMs } of told) {
    assert.deepEqual([status, reason], [429, 'QUEUE_TTL_EXPIRED'])
    assert.ok(tookMs > 290, `${tookMs} ms`)
  }
  assert.equal((await spillway.lane('slow')).totals.refused['QUEUE_TTL_EXPIRED'], DEADLINES.length)
  held[0]?.end()
  assert.equal((await running).status, 200)
  assert.equal(tool.seen.calls, 1)
})

test('in a lane that knows its pace, a call that cannot start in time is refused at once and never reaches the tool', async () => {
  await using tool = await fakeTool(after(1000))
  await using spillway = await start(tool)
  const url = `${spillway.proxy}/slow/x`
  assert.equal((await call(url)).status, 200)
  const held = hold(tool)
  const running = call(url)
  await eventually(() => assert.equal(held.length, 1))
  const told = await Promise.all(DEADLINES.map((headers) => call(url, headers)))
  assert.equal(tool.seen.active, 1, 'the call before them still runs')
  assert.deepEqual(
    told.map(({ status, reason }) => [status, reason]),
    DEADLINES.map(() => [429, 'DEADLINE_UNREACHABLE']),
  )
  const page = await spillway.metrics()
  assert.match(
    page,
    new RegExp(`refused_total\\{[^}]*reason="DEADLINE_UNREACHABLE"[^}]*\\} ${DEADLINES.length}`),
  )
  held[0]?.end()
  assert.equal((await running).status, 200)
  assert.equal(tool.seen.calls, 2)
})

test('a malformed deadline is ignored: the call waits for its turn and runs', async () => {
  await using tool = await fakeTool(after(100))
  await using spillway = await start(tool)
  const url = `${spillway.proxy}/slow/x`
  assert.equal((await call(url)).status, 200)
  const held = hold(tool)
  const running = call(url)
  await eventually(() => assert.equal(held.length, 1))
  const waiting = MALFORMED.map((headers) => call(url, headers))
  await eventually(async () => assert.equal((await spillway.lane('slow')).queue_depth, MALFORMED.length))
  tool.answer = after(0)
  held[0]?.end()
  const told = await Promise.all([running, ...waiting])
  assert.deepEqual(
    told.map(({ status }) => status),
    [200, ...MALFORMED.map(() => 200)],
  )
})

test("Spillway's own deadline header is not forwarded, and those of other products are", async () => {
  const seen: IncomingHttpHeaders[] = []
  await using tool = await fakeTool((request, response) => {
    seen.push(request.headers)
    response.end()
  })
  await using spillway = await start(tool)
  await call(`${spillway.proxy}/slow/x`, {
    'X-Spillway-Ttl-Ms': '5000',
    'X-Envoy-Expected-Rq-Timeout-Ms': '6000',
    'X-Stainless-Timeout': '7',
  })
  const names = ['x-spillway-ttl-ms', 'x-envoy-expected-rq-timeout-ms', 'x-stainless-timeout']
  assert.deepEqual(
    seen.map((headers) => names.map((name) => headers[name])),
    [[undefined, '6000', '7']],
  )
})

test('a caller that gives up long after the usual latency is an error of the tool; one that leaves during the body is not', async () => {
  await using tool = await fakeTool((_request, response) => {
    response.writeHead(200)
    response.write('the beginning')
  })
  await using spillway = await start(tool)
  const url = `${spillway.proxy}/slow/x`
  const leaver = new AbortController()
  const answered = await fetch(url, { signal: leaver.signal })
  assert.equal(answered.status, 200)
  leaver.abort()
  await eventually(async () => assert.equal((await spillway.lane('slow')).totals.cancelled, 1))
  assert.equal((await spillway.lane('slow')).error_rate, 0)

  tool.answer = after(5)
  for (let i = 0; i < 10; i++) assert.equal((await fetch(url)).status, 200)
  const held = hold(tool)
  const impatient = new AbortController()
  const given = fetch(url, { signal: impatient.signal }).catch(() => 'gave up')
  await eventually(() => assert.equal(held.length, 1))
  // Far beyond what the tool usually takes, also on a busy machine.
  await pause(1000)
  impatient.abort()
  assert.equal(await given, 'gave up')
  await eventually(async () => {
    const { error_rate: errorRate, totals, active_workers: active } = await spillway.lane('slow')
    assert.deepEqual([errorRate > 0, totals.cancelled, active], [true, 2, 0])
  })
})
