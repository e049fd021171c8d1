/**
 * A tool that asks its callers to wait, on real sockets and under two control laws. Its answer passes unchanged; other
 * calls wait, or are refused with the tool's own time. After that time one call goes first, as a probe, and the rest
 * follow when the probe has succeeded.
 */
import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import { eventually, pause } from '../support/eventually.ts'
import { after, fakeTool } from '../support/fake-tool.ts'
import type { FakeTool } from '../support/fake-tool.ts'
import { startSpillway } from '../support/process.ts'
import type { LaneJson, Spillway } from '../support/process.ts'

interface ThrottledLane extends LaneJson {
  readonly throttled_until: string | null
}

const LAWS = { fixed: 'controller: { algorithm: fixed }', default: 'stripPath: true' }
const WAITING = 6

async function call(url: string, headers: Record<string, string> = {}) {
  const response = await fetch(url, { headers })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

const start = (tool: FakeTool, law: string, concurrent: number) =>
  startSpillway(
    `tools: { quota: { upstream: "${tool.url}", maxConcurrent: ${concurrent}, maxQueueDepth: 20, ${law} } }`,
  )

const lane = async (spillway: Spillway) => (await spillway.lane('quota')) as ThrottledLane

/** From now on the tool holds each response until the test ends it. */
function hold(tool: FakeTool): ServerResponse[] {
  const held: ServerResponse[] = []
  tool.answer = (_request, response) => held.push(response)
  return held
}

for (const [name, law] of Object.entries(LAWS)) {
  test(`${name}: a 429 passes unchanged and holds the other calls back until one probe has succeeded`, async () => {
    await using tool = await fakeTool((_request, response) => {
      response.writeHead(429, { 'Retry-After': '2', 'Content-Type': 'text/plain', 'X-Own': 'yes' })
      response.end('slow down')
    })
    await using spillway = await start(tool, law, 4)
    const url = `${spillway.proxy}/quota/x`
    const pushed = await call(url)
    assert.deepEqual([pushed.status, pushed.text], [429, 'slow down'])
    const get = (header: string) => pushed.headers.get(header)
    assert.deepEqual([get('retry-after'), get('x-own'), get('content-type')], ['2', 'yes', 'text/plain'])
    assert.deepEqual([get('retry-after-ms'), get('x-spillway-reason')], [null, null])
    assert.equal(get('x-spillway-tool'), 'quota')

    const held = hold(tool)
    const others = Array.from({ length: WAITING }, () => call(url))
    await eventually(async () => assert.equal((await lane(spillway)).queue_depth, WAITING))
    const now = await lane(spillway)
    assert.ok(Date.parse(now.throttled_until ?? '') > 0, String(now.throttled_until))
    assert.equal(now.active_workers, 0)
    assert.match(await spillway.metrics(), /spillway_lane_throttled\{tool="quota"\} 1/)
    assert.ok(spillway.lines.some((line) => /tool=quota throttled=true for_ms=2000/.test(line)))
    assert.equal(tool.seen.calls, 1)

    await eventually(() => assert.equal(held.length, 1))
    await pause(300)
    assert.equal(tool.seen.calls, 2, 'only the probe runs')
    assert.equal((await lane(spillway)).queue_depth, WAITING - 1)
    tool.answer = after(0)
    held[0]?.end('open')
    const answers = await Promise.all(others)
    assert.deepEqual(
      answers.map(({ status }) => status),
      answers.map(() => 200),
    )
    assert.equal(tool.seen.calls, 1 + WAITING)
    assert.equal((await lane(spillway)).throttled_until, null)
    assert.match(await spillway.metrics(), /spillway_lane_throttled\{tool="quota"\} 0/)
    await eventually(() => assert.ok(spillway.lines.some((line) => /tool=quota throttled=false/.test(line))))
  })

  test(`${name}: a call that may not wait as long as the tool asks is refused with the tool's own time`, async () => {
    await using tool = await fakeTool(after(0))
    const held = hold(tool)
    await using spillway = await start(tool, law, 1)
    const url = `${spillway.proxy}/quota/x`
    const running = call(url)
    await eventually(() => assert.equal(held.length, 1))
    const patient = new AbortController()
    const stays = fetch(url, { signal: patient.signal }).catch(() => 'left')
    const goes = call(url, { 'X-Spillway-Ttl-Ms': '20000' })
    await eventually(async () => assert.equal((await lane(spillway)).queue_depth, 2))
    held[0]?.writeHead(429, { 'Retry-After': '25' }).end()
    const told = [await goes, await call(url, { 'X-Spillway-Ttl-Ms': '500' })]
    for (const { status, headers, text } of told) {
      const body = JSON.parse(text) as { not_executed: boolean; message: string }
      assert.deepEqual([status, headers.get('x-spillway-reason')], [429, 'UPSTREAM_THROTTLED'])
      assert.equal(body.not_executed, true)
      const seconds = Number(headers.get('retry-after'))
      assert.ok(seconds > 15 && seconds <= 30, String(seconds))
      assert.match(body.message, /asked for (?:1[6-9]|2[0-5]) s/)
    }
    assert.equal(told[0]?.headers.get('retry-after'), '25')
    assert.equal((await running).status, 429)
    assert.equal((await lane(spillway)).queue_depth, 1, 'the patient caller still waits')
    patient.abort()
    assert.equal(await stays, 'left')
    assert.equal(tool.seen.calls, 1)
  })

  test(`${name}: a 403 for a used-up quota holds the other calls back until the quota is reset`, async () => {
    const reset = Math.floor(Date.now() / 1000) + 3
    await using tool = await fakeTool((_request, response) => {
      response.writeHead(403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(reset) })
      response.end('{"message":"API rate limit exceeded"}')
    })
    await using spillway = await start(tool, law, 4)
    const url = `${spillway.proxy}/quota/x`
    const pushed = await call(url)
    assert.deepEqual([pushed.status, pushed.text], [403, '{"message":"API rate limit exceeded"}'])
    assert.equal(pushed.headers.get('x-ratelimit-reset'), String(reset))
    assert.equal(pushed.headers.get('retry-after'), null)
    let firstAtMs = 0
    tool.answer = (_request, response) => {
      firstAtMs ||= Date.now()
      response.end()
    }
    const others = await Promise.all(Array.from({ length: WAITING }, () => call(url)))
    assert.ok(others.every(({ status }) => status === 200))
    // The wait runs from the answer's Date to the reset. Both are whole seconds, so up to 1 s may be missing.
    assert.ok(firstAtMs >= (reset - 1) * 1000, `${firstAtMs} of ${reset}`)
    assert.equal((await lane(spillway)).error_rate, 0)
  })
}

test("when the probe is a stream that goes on, or a worker's lease, the other calls follow all the same", async () => {
  await using tool = await fakeTool((_request, response) =>
    response.writeHead(429, { 'Retry-After': '1' }).end('wait'),
  )
  await using spillway = await start(tool, LAWS.fixed, 4)
  const url = `${spillway.proxy}/quota/x`
  await call(url)
  tool.answer = (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    response.write('data: first\n\n')
  }
  const stream = await fetch(url)
  assert.equal(stream.status, 200)
  tool.answer = after(0)
  assert.equal((await call(url)).status, 200)
  assert.equal((await lane(spillway)).active_workers, 1, 'the stream goes on')

  tool.answer = (_request, response) => response.writeHead(429, { 'Retry-After': '1' }).end('wait')
  await call(url)
  const lease = await fetch(`${spillway.admin}/lanes/quota/leases`, { method: 'POST', body: '{}' })
  assert.equal(lease.status, 201)
  tool.answer = after(0)
  assert.equal((await call(url)).status, 200)
  assert.equal((await lane(spillway)).active_workers, 2)
  await stream.body?.cancel()
})

test('a refusal during the probe does not say that the tool asked for 0 s', async () => {
  await using tool = await fakeTool((_request, response) =>
    response.writeHead(429, { 'Retry-After': '1' }).end('wait'),
  )
  await using spillway = await startSpillway(
    `tools: { quota: { upstream: "${tool.url}", maxConcurrent: 4, maxQueueDepth: 0 } }`,
  )
  const url = `${spillway.proxy}/quota/x`
  await call(url)
  const held = hold(tool)
  let looks: ReturnType<typeof call> | undefined
  await eventually(async () => {
    looks = call(url)
    await Promise.race([looks, eventually(() => assert.equal(held.length, 1), 100).catch(() => undefined)])
    assert.equal(held.length, 1)
  })
  const { status, headers, text } = await call(url)
  assert.deepEqual([status, headers.get('x-spillway-reason')], [429, 'UPSTREAM_THROTTLED'])
  assert.doesNotMatch(text, /asked for/)
  held[0]?.end('open')
  assert.equal((await looks)?.status, 200)
})
