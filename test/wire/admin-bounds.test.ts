/**
 * The admin listener full of idle, slow and waiting callers: a health check is still answered.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Callers, statusOf } from '../support/callers.ts'
import { eventually, pause } from '../support/eventually.ts'
import { fakeTool } from '../support/fake-tool.ts'
import { startSpillway } from '../support/process.ts'
import type { Spillway } from '../support/process.ts'

const HOST = 'Host: 127.0.0.1'

function adminPort(spillway: Spillway): number {
  return Number(new URL(spillway.admin).port)
}

/** On a connection of its own, as a probe does. */
async function health(spillway: Spillway): Promise<number> {
  const response = await fetch(`${spillway.admin}/healthz`, { headers: { connection: 'close' } })
  await response.text()
  return response.status
}

const CROWDS: readonly (readonly [name: string, bytes: string])[] = [
  ['idle connections', ''],
  ['dripping heads', `GET /lanes HTTP/1.1\r\n${HOST}\r\nX-`],
  ['dripping bodies', `PATCH /lanes/t HTTP/1.1\r\n${HOST}\r\nContent-Length: 90\r\n\r\n{`],
  ['answers that are kept alive', `GET /lanes HTTP/1.1\r\n${HOST}\r\n\r\n`],
  ['waiting workers', `POST /lanes/t/leases HTTP/1.1\r\n${HOST}\r\nContent-Length: 2\r\n\r\n{}`],
  ['watchers', `GET /events HTTP/1.1\r\n${HOST}\r\n\r\n`],
]

test('health is answered while the admin listener is full of others', async () => {
  await using tool = await fakeTool(() => undefined)
  await using spillway = await startSpillway(
    `tools: { t: { upstream: "${tool.url}", maxConcurrent: 1, maxQueueDepth: 5000 } }`,
    { openFiles: 256 },
  )
  using callers = new Callers()
  for (const [name, bytes] of CROWDS) {
    for (let i = 0; i < 150; i++) callers.open(adminPort(spillway), bytes)
    await pause(350)
    for (let i = 0; i < 3; i++) assert.equal(await health(spillway), 200, name)
  }
  const metrics = await spillway.metrics()
  assert.match(metrics, /^spillway_connections_refused_total\{listener="admin",cause="share_used"\} [1-9]/m)
  assert.match(metrics, /^spillway_connections\{listener="admin",state="busy"\} \d+$/m)
  assert.match(spillway.lines.join('\n'), /connections=refused listener=admin/)
})

test('a worker beyond the share of those who wait is told to come back, and those who wait keep their turn', async () => {
  await using tool = await fakeTool(() => undefined)
  await using spillway = await startSpillway(
    `tools: { t: { upstream: "${tool.url}", maxConcurrent: 1, maxQueueDepth: 5000 } }`,
    { openFiles: 256 },
  )
  using callers = new Callers()
  const ask = `POST /lanes/t/leases HTTP/1.1\r\n${HOST}\r\nContent-Length: 2\r\n\r\n{}`
  const first = callers.open(adminPort(spillway), ask)
  await eventually(() => assert.equal(statusOf(first), 201))
  const waits = callers.open(adminPort(spillway), ask)
  await eventually(async () => assert.equal((await spillway.lane('t')).queue_depth, 1))
  const others: ReturnType<Callers['open']>[] = []
  for (let i = 0; i < 40; i++) {
    others.push(callers.open(adminPort(spillway), ask))
    await pause(10)
  }
  await eventually(() => assert.ok(others.some((each) => statusOf(each) === 503)))
  const refused = others.find((each) => statusOf(each) === 503)
  assert.match(refused?.text ?? '', /"reason":"PROXY_OVERLOADED".*"not_executed":true/)
  assert.match(refused?.text ?? '', /\r\nRetry-After: [1-9]\d*\r\n/)
  const id = /"lease_id":"([^"]+)"/.exec(first.text)?.[1] ?? ''
  assert.equal((await fetch(`${spillway.admin}/leases/${id}`, { method: 'DELETE' })).status, 200)
  await eventually(() => assert.equal(statusOf(waits), 201))
})

for (const openFiles of [256, undefined]) {
  test(`with ${openFiles ?? 'many'} open files, watchers who do not read are few, and the others are told to come back`, async () => {
    await using spillway = await startSpillway('tools: { t: { upstream: "http://127.0.0.1:9" } }', {
      ...(openFiles !== undefined && { openFiles }),
    })
    using callers = new Callers()
    for (let i = 0; i < 60; i++) {
      callers.open(adminPort(spillway), `GET /events HTTP/1.1\r\n${HOST}\r\n\r\n`).socket.pause()
      await pause(10)
    }
    await pause(300)
    for (const { socket } of callers.all) socket.resume()
    await eventually(() => assert.ok(callers.all.every((each) => statusOf(each) > 0)))
    const watching = callers.all.filter((each) => statusOf(each) === 200).length
    assert.ok(watching >= 6 && watching <= 32, `${watching} watch`)
    for (const each of callers.all.filter((caller) => statusOf(caller) !== 200)) {
      assert.equal(statusOf(each), 503)
      assert.match(each.text, /\r\nRetry-After: [1-9]\d*\r\n/)
    }
    assert.equal(await health(spillway), 200)
  })
}

test('an idle connection is closed soon, and a slow head or body is answered 408', async () => {
  await using spillway = await startSpillway('tools: { t: { upstream: "http://127.0.0.1:9" } }')
  using callers = new Callers()
  const silent = callers.open(adminPort(spillway), '')
  const dripping = callers.open(adminPort(spillway), 'GET /lanes HTTP/1.1\r\nX')
  const kept = callers.open(adminPort(spillway), `GET /lanes HTTP/1.1\r\n${HOST}\r\n\r\n`)
  const body = callers.open(
    adminPort(spillway),
    `PATCH /lanes/t HTTP/1.1\r\n${HOST}\r\nContent-Length: 90\r\n\r\n{`,
  )
  await eventually(() => assert.equal(statusOf(kept), 200))
  await eventually(() => {
    assert.ok(silent.isClosed)
    assert.ok(dripping.isClosed)
    assert.ok(kept.isClosed)
  }, 15_000)
  // A body has 10 s, and a caller that got its last answer another 5 s to close.
  await eventually(() => assert.ok(body.isClosed), 10_000)
  for (const each of [dripping, body]) assert.match(each.text, /^HTTP\/1\.1 408 REQUEST_TIMEOUT\r\n/)
})
