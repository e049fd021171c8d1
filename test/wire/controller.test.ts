/**
 * The limit controller in a running process: how latency and errors move the limit, and how the log, the lane's JSON and
 * the metrics report it. Also the orders of an operator: which are refused, and for whom.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '../support/eventually.ts'
import { after, fakeTool } from '../support/fake-tool.ts'
import { startSpillway } from '../support/process.ts'
import type { Spillway } from '../support/process.ts'

const lane = (url: string, controller: string) => `
tools:
  t:
    upstream: "${url}"
    maxConcurrent: 8
    maxQueueDepth: 200
    controller: { algorithm: aimd, windowSeconds: 0.2, ${controller} }
`

async function load(spillway: Spillway, calls: number): Promise<void> {
  await Promise.all(Array.from({ length: calls }, async () => (await fetch(`${spillway.proxy}/t`)).text()))
}

test('latency above the threshold lowers the limit by 2, and log, lane and metrics report it', async () => {
  await using tool = await fakeTool(after(120))
  await using spillway = await startSpillway(
    lane(tool.url, 'decreaseAboveP95Ms: 100, increaseBelowP95Ms: 50'),
  )
  await eventually(async () => {
    await load(spillway, 30)
    assert.ok((await spillway.lane('t')).limit <= 6)
  })
  const log = spillway.lines.join('\n')
  assert.match(
    log,
    /^time=\S+ tool=t queue_depth=\d+\/200 active_workers=\d+\/\d+ p95_ms=\d+ error_rate=0\.00$/m,
  )
  assert.match(
    log,
    /^time=\S+ tool=t controller_action=decrease_concurrency new_limit=6 old_limit=8 reason=latency_high /m,
  )
  const { controller } = await spillway.lane('t')
  assert.deepEqual(
    [controller.algorithm, controller.last_action, controller.last_reason],
    ['aimd', 'decrease_concurrency', 'latency_high'],
  )
  assert.match(
    await spillway.metrics(),
    /^spillway_controller_actions_total\{tool="t",action="decrease_concurrency",reason="latency_high"\} [1-9]/m,
  )
})

test('errors halve the limit and a healthy tool gets its slots back one by one', async () => {
  await using tool = await fakeTool((_request, response) => response.writeHead(500).end())
  await using spillway = await startSpillway(
    lane(tool.url, 'decreaseAboveP95Ms: 4000, increaseBelowP95Ms: 1200'),
  )
  await eventually(async () => {
    await load(spillway, 30)
    assert.equal((await spillway.lane('t')).limit, 1)
  })
  const limits = spillway.lines.flatMap((line) =>
    /reason=error_rate_high/.test(line) ? [/new_limit=(\d+)/.exec(line)?.[1]] : [],
  )
  assert.deepEqual(limits, ['4', '2', '1'])
  tool.answer = after(30)
  await eventually(async () => {
    await load(spillway, 20)
    assert.ok((await spillway.lane('t')).limit >= 4)
  })
  assert.match(
    spillway.lines.join('\n'),
    /controller_action=increase_concurrency new_limit=2 old_limit=1 reason=latency_low/,
  )
})

test('an unused limit does not grow', async () => {
  await using tool = await fakeTool(after(1))
  await using spillway = await startSpillway(
    lane(tool.url, 'decreaseAboveP95Ms: 4000, increaseBelowP95Ms: 1200').replace(
      'maxConcurrent: 8',
      'maxConcurrent: 8\n    startConcurrent: 4',
    ),
  )
  await eventually(async () => {
    await load(spillway, 1)
    assert.equal((await spillway.lane('t')).controller.last_reason, 'limit_not_used')
  })
  assert.equal((await spillway.lane('t')).limit, 4)
})

test('refusals are logged as a sample, each line in the format of the contract, with the number left out', async () => {
  await using tool = await fakeTool(after(300))
  await using spillway = await startSpillway(
    `tools: { t: { upstream: "${tool.url}", maxConcurrent: 1, maxQueueDepth: 0 } }`,
  )
  await load(spillway, 50)
  const rejects = () => spillway.lines.filter((line) => line.includes('admission=reject'))
  assert.match(
    rejects()[0] ?? '',
    /^time=\S+ level=warn tool=t admission=reject reason=QUEUE_SATURATED retry_after_ms=\d+$/,
  )
  await eventually(() => assert.match(rejects().at(-1) ?? '', /left_out=48$/))
  assert.equal(rejects().length, 2)
})

test('a write from a web page is refused on loopback, and a write off loopback needs the token', async () => {
  await using tool = await fakeTool(after(0))
  const yaml = `tools: { t: { upstream: "${tool.url}" } }`
  const pause = (admin: string, headers: Record<string, string>) =>
    fetch(`${admin}/lanes/t`, { method: 'PATCH', headers, body: '{"paused":true}' }).then(
      ({ status }) => status,
    )
  await using loopback = await startSpillway(yaml)
  assert.equal(await pause(loopback.admin, { Origin: 'http://evil.example' }), 403)
  assert.equal(await pause(loopback.admin, {}), 200)
  await using closed = await startSpillway(yaml, { args: ['--admin', '0.0.0.0:0'] })
  const at = (spillway: Spillway) => spillway.admin.replace('0.0.0.0', '127.0.0.1')
  assert.equal(await pause(at(closed), { Authorization: 'Bearer x' }), 403)
  assert.equal((await fetch(`${at(closed)}/lanes`)).status, 200)
  await using open = await startSpillway(yaml, {
    args: ['--admin', '0.0.0.0:0'],
    env: { SPILLWAY_ADMIN_TOKEN: 'secret' },
  })
  assert.equal(await pause(at(open), {}), 401)
  assert.equal(await pause(at(open), { Authorization: 'Bearer wrong!' }), 401)
  assert.equal(await pause(at(open), { Authorization: 'Bearer secret' }), 200)
  assert.ok(!open.lines.join('\n').includes('secret'))
})

test('an invalid PATCH of a lane is 400 and changes nothing', async () => {
  await using tool = await fakeTool(after(0))
  await using spillway = await startSpillway(`tools: { t: { upstream: "${tool.url}" } }`)
  for (const body of [
    '{"paused":true,"for":"999999999d"}',
    '{"paused":true,"for":"0s"}',
    '{"limit":"x"}',
    '{}',
    '[',
    '{"x":1}',
  ]) {
    const response = await fetch(`${spillway.admin}/lanes/t`, { method: 'PATCH', body })
    assert.equal(response.status, 400, body)
  }
  assert.equal((await spillway.lane('t')).paused, false)
})
