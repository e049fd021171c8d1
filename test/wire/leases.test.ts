/**
 * The lease API on the admin listener of a real process: leases for work that is not a call through the proxy. Workers
 * wait in the same queues as calls and get the same refusals.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually, pause } from '../support/eventually.ts'
import { after, fakeTool } from '../support/fake-tool.ts'
import { startSpillway } from '../support/process.ts'
import type { Spillway } from '../support/process.ts'

interface Lease {
  readonly lease_id: string
  readonly tool: string
  readonly job_id: string | null
  readonly expires_at: string
  readonly heartbeat_at: string
  readonly epoch: number
}

const LANE =
  'tools: { box: { upstream: "http://127.0.0.1:9", maxConcurrent: 1, maxQueueDepth: 2, controller: { algorithm: fixed } } }'

const send = (spillway: Spillway, method: string, path: string, body?: object): Promise<Response> =>
  fetch(spillway.admin + path, { method, body: body === undefined ? null : JSON.stringify(body) })

const ask = (spillway: Spillway, body: object = {}): Promise<Response> =>
  send(spillway, 'POST', '/lanes/box/leases', body)

async function take(spillway: Spillway, body: object = {}): Promise<Lease> {
  const response = await ask(spillway, body)
  assert.equal(response.status, 201)
  return (await response.json()) as Lease
}

test('a worker takes a lease, renews it and ends it; ending it twice is harmless', async () => {
  await using spillway = await startSpillway(LANE)
  const lease = await take(spillway, { job_id: 'crawl-7', lease_seconds: 30 })
  assert.equal(lease.tool, 'box')
  assert.equal(lease.job_id, 'crawl-7')
  assert.equal(Date.parse(lease.expires_at) - Date.parse(lease.heartbeat_at), 30_000)
  assert.equal((await spillway.lane('box')).active_workers, 1)
  const renewed = await send(spillway, 'PUT', `/leases/${lease.lease_id}`)
  assert.equal(renewed.status, 200)
  const later = (await renewed.json()) as Lease
  assert.ok(Date.parse(later.expires_at) > Date.parse(lease.expires_at))
  assert.equal(later.epoch, lease.epoch)
  const ended = await send(spillway, 'DELETE', `/leases/${lease.lease_id}`, { verdict: 'ok' })
  assert.deepEqual([ended.status, await ended.json()], [200, { lease_id: lease.lease_id, was_held: true }])
  const again = await send(spillway, 'DELETE', `/leases/${lease.lease_id}`, { verdict: 'dropped' })
  assert.deepEqual([again.status, await again.json()], [200, { lease_id: lease.lease_id, was_held: false }])
  const { active_workers, totals } = await spillway.lane('box')
  assert.equal(active_workers, 0)
  assert.equal(totals.completed, 1)
})

test('workers wait for their turn in the same queue as calls, and get the same refusals', async () => {
  await using tool = await fakeTool(after(0))
  await using spillway = await startSpillway(LANE.replace('http://127.0.0.1:9', tool.url))
  const first = await take(spillway)
  const second = ask(spillway, { wait_ms: 20_000 })
  await eventually(async () => assert.equal((await spillway.lane('box')).queue_depth, 1))
  const call = fetch(`${spillway.proxy}/box/x`)
  await eventually(async () => assert.equal((await spillway.lane('box')).queue_depth, 2))
  const refused = await ask(spillway)
  assert.equal(refused.status, 429)
  assert.equal(refused.headers.get('x-spillway-reason'), 'QUEUE_SATURATED')
  assert.match(refused.headers.get('retry-after') ?? '', /^\d+$/)
  const body = (await refused.json()) as { reason: string; tool: string; not_executed: boolean }
  assert.deepEqual([body.reason, body.tool, body.not_executed], ['QUEUE_SATURATED', 'box', true])
  assert.equal(tool.seen.calls, 0)
  await send(spillway, 'DELETE', `/leases/${first.lease_id}`)
  const turn = await second
  assert.equal(turn.status, 201)
  const lease = (await turn.json()) as Lease
  assert.ok(lease.epoch > first.epoch)
  await send(spillway, 'DELETE', `/leases/${lease.lease_id}`)
  assert.equal((await call).status, 200)
})

test('a drain waits until each queued worker has had its turn and ended its lease', async () => {
  await using spillway = await startSpillway(LANE)
  const first = await take(spillway)
  const second = ask(spillway, { wait_ms: 20_000 })
  await eventually(async () => assert.equal((await spillway.lane('box')).queue_depth, 1))
  spillway.signal('SIGTERM')
  await eventually(() => assert.ok(spillway.lines.some((line) => line.includes('drain=started'))))
  assert.equal((await ask(spillway)).status, 503)
  await send(spillway, 'DELETE', `/leases/${first.lease_id}`)
  const turn = await second
  assert.equal(turn.status, 201)
  const { lease_id } = (await turn.json()) as Lease
  await pause(300)
  assert.equal((await send(spillway, 'PUT', `/leases/${lease_id}`)).status, 200, 'the process still runs')
  assert.equal((await send(spillway, 'DELETE', `/leases/${lease_id}`)).status, 200)
  assert.equal(await spillway.exited, 0)
})

test('health is answered while 300 workers wait for a lease', async () => {
  await using spillway = await startSpillway(LANE.replace('maxQueueDepth: 2', 'maxQueueDepth: 400'))
  await take(spillway)
  const leaving = new AbortController()
  for (let i = 0; i < 300; i++) {
    void fetch(`${spillway.admin}/lanes/box/leases`, { method: 'POST', signal: leaving.signal }).catch(
      () => 0,
    )
  }
  await eventually(async () => assert.equal((await spillway.lane('box')).queue_depth, 300))
  assert.equal((await fetch(`${spillway.admin}/healthz`)).status, 200)
  leaving.abort()
  await eventually(async () => assert.equal((await spillway.lane('box')).queue_depth, 0))
})

test('a worker is refused once its wait_ms is over', async () => {
  await using spillway = await startSpillway(LANE)
  await take(spillway)
  const refused = await ask(spillway, { wait_ms: 50 })
  assert.equal(refused.status, 429)
  assert.equal(refused.headers.get('x-spillway-reason'), 'QUEUE_TTL_EXPIRED')
})

test('a worker that does not renew its lease loses its slot to the next one, and its late renewal is 410', async () => {
  await using spillway = await startSpillway(LANE)
  const zombie = await take(spillway, { lease_seconds: 0.5 })
  const next = await take(spillway, { wait_ms: 20_000 })
  assert.ok(next.epoch > zombie.epoch)
  const late = await send(spillway, 'PUT', `/leases/${zombie.lease_id}`)
  assert.equal(late.status, 410)
  assert.match(JSON.stringify(await late.json()), /not held any more/)
  const end = await send(spillway, 'DELETE', `/leases/${zombie.lease_id}`, { verdict: 'ok' })
  assert.equal(((await end.json()) as { was_held: boolean }).was_held, false)
  const { active_workers, totals } = await spillway.lane('box')
  assert.deepEqual([active_workers, totals.reclaimed], [1, 1])
})

test('a worker that disconnects while it waits leaves the queue', async () => {
  await using spillway = await startSpillway(LANE)
  await take(spillway)
  const leaving = new AbortController()
  const waiting = fetch(`${spillway.admin}/lanes/box/leases`, {
    method: 'POST',
    signal: leaving.signal,
  }).catch(() => undefined)
  await eventually(async () => assert.equal((await spillway.lane('box')).queue_depth, 1))
  leaving.abort()
  await waiting
  await eventually(async () => assert.equal((await spillway.lane('box')).queue_depth, 0))
})

test('an invalid request to the lease API is refused with a remedy', async () => {
  await using spillway = await startSpillway(LANE)
  for (const [method, path, body, status, says] of [
    ['POST', '/lanes/nothere/leases', undefined, 404, /no tool/],
    ['POST', '/lanes/box/leases', { lease_seconds: 'x' }, 400, /lease_seconds/],
    ['GET', '/lanes/box/leases', undefined, 405, /POST/],
    ['PATCH', '/leases/x', undefined, 405, /PUT and DELETE/],
    ['PUT', '/leases/never-was', undefined, 410, /not held/],
    ['DELETE', '/leases/x', { verdict: 'x' }, 400, /verdict/],
    ['POST', '/lanes/box/leases', { job_id: 'x'.repeat(20_000) }, 413, /larger/],
  ] as const) {
    const response = await send(spillway, method, path, body)
    assert.equal(response.status, status, `${method} ${path}`)
    assert.match(await response.text(), says)
  }
})

test('a web page of another origin cannot take a lease', async () => {
  await using spillway = await startSpillway(LANE)
  const response = await fetch(`${spillway.admin}/lanes/box/leases`, {
    method: 'POST',
    headers: { Origin: 'https://evil.example' },
  })
  assert.equal(response.status, 403)
})

test('a drain waits for the leases that workers hold', async () => {
  await using spillway = await startSpillway(LANE)
  const lease = await take(spillway)
  spillway.signal('SIGTERM')
  await eventually(async () => assert.equal((await fetch(`${spillway.admin}/readyz`)).status, 503))
  const refused = await ask(spillway)
  assert.equal(refused.headers.get('x-spillway-reason'), 'DRAINING')
  assert.equal((await send(spillway, 'PUT', `/leases/${lease.lease_id}`)).status, 200)
  await send(spillway, 'DELETE', `/leases/${lease.lease_id}`)
  assert.equal(await spillway.exited, 0)
})
