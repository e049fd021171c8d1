/**
 * One cap for several real processes on real stores: what it is under load, and after kill -9, SIGSTOP, a store that
 * stops, hangs, loses its memory or comes back.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient } from '@redis/client'
import { eventually } from '../support/eventually.ts'
import { after } from '../support/fake-tool.ts'
import type { Spillway } from '../support/process.ts'
import { PASSWORD, startPostgres, startRedis } from '../support/store-servers.ts'
import { CAP, startFleet, TTL_SECONDS } from './fleet-processes.ts'
import type { Load, Processes } from './fleet-processes.ts'

const TTL_MS = TTL_SECONDS * 1000

/** Every process gets calls through from now on. */
async function untilAllServe(loads: readonly Load[], calls = 5): Promise<void> {
  const before = loads.map(({ done }) => done)
  await eventually(() => {
    for (const [i, load] of loads.entries()) assert.ok(load.done >= before[i]! + calls, `process ${i}`)
  })
}

async function untilStoreIs(store: string, fleet: Processes, sidecars = fleet.sidecars): Promise<void> {
  for (const sidecar of sidecars)
    await eventually(async () => assert.equal((await fleet.lane(sidecar)).fleet.store, store))
}

/** The store stops: each goes on with its share, and says so. It comes back: they use it again, and the cap holds. */
async function loseAndFindStore(
  fleet: Processes,
  sidecars: readonly Spillway[],
  loads: readonly Load[],
): Promise<void> {
  await fleet.server.kill()
  for (const sidecar of sidecars) {
    await eventually(async () => assert.equal((await fleet.readiness(sidecar)).body.fleet.store, 'lost'))
    assert.equal((await fleet.lane(sidecar)).fleet.ceiling, CAP / 2)
    assert.equal(await fleet.counter(sidecar, 'fleet_store_up'), 0)
    assert.ok(sidecar.lines.some((line) => /fleet_store=lost on_store_loss=local-share cause=./.test(line)))
  }
  await untilAllServe(loads)
  await fleet.server.start()
  await untilStoreIs('up', fleet, sidecars)
  await untilAllServe(loads)
  assert.equal(fleet.tool.seen.mostActive, CAP)
  for (const load of loads) assert.deepEqual(load.refused, [])
  for (const sidecar of sidecars) {
    const lane = JSON.stringify(await sidecar.lane('github'))
    const said = [...sidecar.lines, await sidecar.metrics(), lane].join('\n')
    assert.ok(!said.includes(PASSWORD) && !said.includes(encodeURIComponent(PASSWORD)), 'no password is told')
  }
}

test('three processes share one cap on Redis, also when it loses its memory, when one is killed, and when it is gone for a while', async () => {
  await using fleet = await startFleet(startRedis, 3)
  const [a, b, c] = fleet.sidecars as [Spillway, Spillway, Spillway]
  const loads = [a, b, c].map((each) => fleet.load(each, 5))
  const [, loadB, loadC] = loads as [Load, Load, Load]
  await untilAllServe(loads)
  assert.equal(fleet.tool.seen.mostActive, CAP)
  assert.equal((await fleet.lane(a)).fleet.sidecars, 3)
  const { status, body } = await fleet.readiness(a)
  assert.deepEqual([status, body.status, body.fleet.store], [200, 'ready', 'up'])

  const admin = createClient({ url: fleet.server.url })
  await admin.connect()
  await admin.flushAll()
  admin.destroy()
  const learned = () => a.lines.filter((line) => line.includes('fleet_store=learning')).length
  await eventually(() => assert.equal(learned(), 2))
  // While what is held is claimed, one of the holders dies.
  a.signal('SIGKILL')
  await a.exited
  await untilStoreIs('up', fleet, [b, c])
  for (const each of [b, c])
    await eventually(async () => assert.equal((await fleet.lane(each)).fleet.sidecars, 2))
  await untilAllServe([loadB, loadC])
  assert.equal(fleet.tool.seen.mostActive, CAP)

  await loseAndFindStore(fleet, [b, c], [loadB, loadC])
})

test('two processes share one cap on PostgreSQL, also when it crashes and comes back', async () => {
  await using fleet = await startFleet(startPostgres, 2)
  const loads = fleet.sidecars.map((each) => fleet.load(each, 5))
  await untilAllServe(loads)
  assert.equal(fleet.tool.seen.mostActive, CAP)
  await loseAndFindStore(fleet, fleet.sidecars, loads)
})

test('a process that stands still loses its slots and says what overlapped; a store that hangs makes no call hang, and a worker whose slot is over is told so', async () => {
  await using fleet = await startFleet(startRedis, 2, 'closed')
  const [stalled, other] = fleet.sidecars as [Spillway, Spillway]
  await untilStoreIs('up', fleet)
  fleet.tool.answer = after(2.5 * TTL_MS)
  const long = Array.from({ length: CAP }, () => fetch(`${stalled.proxy}/github/long`).then((r) => r.text()))
  await eventually(() => assert.equal(fleet.tool.seen.active, CAP))
  stalled.signal('SIGSTOP')
  fleet.tool.answer = after(20)
  const load = fleet.load(other, 2)
  await untilAllServe([load])
  stalled.signal('SIGCONT')
  await eventually(async () => assert.equal(await fleet.counter(stalled, 'fleet_overshoot_total'), CAP))
  assert.ok(stalled.lines.some((line) => line.includes('fleet=overshoot calls=4')))
  assert.deepEqual(await Promise.all(long), ['done', 'done', 'done', 'done'])
  assert.ok(fleet.tool.seen.mostActive <= 2 * CAP, `${fleet.tool.seen.mostActive}`)
  await untilAllServe([load, fleet.load(stalled, 2)])

  const order = { method: 'POST', body: JSON.stringify({ lease_seconds: 60, wait_ms: 20_000 }) }
  const taken = await fetch(`${other.admin}/lanes/github/leases`, order)
  assert.equal(taken.status, 201)
  const lease = `${other.admin}${taken.headers.get('location') ?? ''}`
  assert.equal((await fetch(lease, { method: 'PUT' })).status, 200)

  fleet.server.signal('SIGSTOP')
  await eventually(async () => {
    const { status, body } = await fleet.readiness(other)
    assert.deepEqual([status, body.status], [503, 'store_unavailable'])
  })
  await eventually(async () => {
    const response = await fetch(`${other.proxy}/github/x`)
    const body = (await response.json()) as { reason: string; not_executed: boolean }
    assert.deepEqual([response.status, body.reason, body.not_executed], [503, 'STORE_UNAVAILABLE', true])
    assert.match(response.headers.get('retry-after') ?? '', /^\d+$/)
  })
  await eventually(async () => assert.equal((await fetch(lease, { method: 'PUT' })).status, 410))
  await eventually(async () => assert.equal((await fleet.lane(other)).active_workers, 0))
  fleet.server.signal('SIGCONT')
  await untilStoreIs('up', fleet)
  await untilAllServe([load])
})
