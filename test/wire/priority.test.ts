/**
 * Priority classes on real sockets: the class that a caller claims, the cap that the lane sets on it, and which calls are
 * served and which are shed under load.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '../support/eventually.ts'
import { after, fakeTool } from '../support/fake-tool.ts'
import { startSpillway } from '../support/process.ts'

interface Told {
  readonly status: number
  readonly reason: string | null
  readonly priority: unknown
}

async function call(url: string, headers: Record<string, string>): Promise<Told> {
  const response = await fetch(url, { headers })
  const reason = response.headers.get('x-spillway-reason')
  const text = await response.text()
  const priority = reason === null ? undefined : (JSON.parse(text) as { priority: unknown }).priority
  return { status: response.status, reason, priority }
}

test('high priority is served while low priority is shed, and log, lane and metrics report it', async () => {
  await using tool = await fakeTool(after(60))
  await using spillway = await startSpillway(
    `tools: { slow: { upstream: "${tool.url}", maxConcurrent: 1, maxQueueDepth: 10 } }`,
  )
  const url = `${spillway.proxy}/slow/x`
  const low = Array.from({ length: 20 }, () => call(url, { Priority: 'u=7' }))
  await eventually(async () => {
    assert.ok((await spillway.lane('slow')).queue_depth >= 5)
  })
  await eventually(() =>
    assert.ok(spillway.lines.some((line) => /tool=slow shed_low_priority=true/.test(line))),
  )
  const high = await Promise.all(
    Array.from({ length: 5 }, () => call(url, { 'X-Spillway-Priority': 'high', Priority: 'u=7' })),
  )
  assert.deepEqual(
    high.map(({ status }) => status),
    [200, 200, 200, 200, 200],
  )
  const shed = (await Promise.all(low)).filter(({ status }) => status === 429)
  assert.ok(shed.length >= 11)
  for (const told of shed) {
    assert.equal(told.reason, 'SHED_LOW_PRIORITY')
    assert.equal(told.priority, 'low')
  }
  await eventually(() => assert.ok(spillway.lines.some((line) => /shed_low_priority=false/.test(line))))
  const page = await spillway.metrics()
  assert.match(page, new RegExp(`refused_total\\{[^}]*priority="low"[^}]*\\} ${shed.length}`))
  assert.match(page, /queue_wait_seconds_count\{[^}]*priority="high"[^}]*\} 5/)
  assert.match(page, /spillway_shed_low_priority\{tool="slow"\} 0/)
})

test('a lane caps the class that a caller may claim, and the refusal names the capped class', async () => {
  await using tool = await fakeTool(after(5000))
  await using spillway = await startSpillway(
    `tools: { slow: { upstream: "${tool.url}", maxConcurrent: 1, maxQueueDepth: 0, priority: { max: normal, default: low } } }`,
  )
  const url = `${spillway.proxy}/slow/x`
  const running = new AbortController()
  const held = fetch(url, { signal: running.signal }).catch(() => undefined)
  await eventually(() => assert.equal(tool.seen.active, 1))
  const told = [
    await call(url, { 'X-Spillway-Priority': 'critical' }),
    await call(url, { Priority: 'u=6' }),
    await call(url, {}),
    await call(url, { Priority: 'nonsense !' }),
  ]
  assert.deepEqual(
    told.map(({ reason, priority }) => [reason, priority]),
    [
      ['QUEUE_SATURATED', 'normal'],
      ['QUEUE_SATURATED', 'low'],
      ['QUEUE_SATURATED', 'low'],
      ['QUEUE_SATURATED', 'low'],
    ],
  )
  running.abort()
  await held
})
