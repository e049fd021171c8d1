/**
 * PostgreSQL that hangs: all of its processes stand still, or the way to it swallows everything. No call hangs with it,
 * and it is used again without a restart.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually, pause } from '../support/eventually.ts'
import type { Spillway } from '../support/process.ts'
import { startPostgres } from '../support/store-servers.ts'
import type { StoreServer } from '../support/store-servers.ts'
import { startValveProxy } from '../support/valve-proxy.ts'
import { CAP, startFleet, TTL_SECONDS } from './fleet-processes.ts'
import type { Load, Processes } from './fleet-processes.ts'

async function untilAllServe(loads: readonly Load[], calls = 5): Promise<void> {
  const before = loads.map(({ done }) => done)
  await eventually(() => {
    for (const [i, load] of loads.entries()) assert.ok(load.done >= before[i]! + calls, `process ${i}`)
  })
}

async function untilStoreIs(store: string, fleet: Processes): Promise<void> {
  for (const sidecar of fleet.sidecars)
    await eventually(async () => assert.equal((await fleet.lane(sidecar)).fleet.store, store))
}

/** `hang` and `wake` are of the store, or of the way to it. */
async function hangs(fleet: Processes, hang: () => void, wake: () => void): Promise<void> {
  const loads = fleet.sidecars.map((each) => fleet.load(each, 5))
  await untilAllServe(loads)
  assert.equal(fleet.tool.seen.mostActive, CAP)
  hang()
  for (const sidecar of fleet.sidecars) {
    await eventually(async () => assert.equal((await fleet.readiness(sidecar)).body.fleet.store, 'lost'))
    assert.equal((await fleet.lane(sidecar)).fleet.ceiling, CAP / 2)
    assert.ok(sidecar.lines.some((line) => /fleet_store=lost on_store_loss=local-share cause=./.test(line)))
  }
  await untilAllServe(loads)
  // Until no session is left. Before, one that is back would be given what another still runs as its share.
  await pause(TTL_SECONDS * 1000)
  wake()
  await untilStoreIs('up', fleet)
  await untilAllServe(loads)
  assert.equal(fleet.tool.seen.mostActive, CAP)
  for (const load of loads) assert.deepEqual(load.refused, [])
}

test('a PostgreSQL whose processes all stand still makes no call hang, and is used again when it goes on', async () => {
  await using fleet = await startFleet(startPostgres, 2)
  await hangs(
    fleet,
    () => fleet.server.signal('SIGSTOP'),
    () => fleet.server.signal('SIGCONT'),
  )
})

test('a way to PostgreSQL that swallows every byte makes no call hang, and the store is used again when it is free', async () => {
  await using server = await startPostgres()
  await using proxy = await startValveProxy(server.port)
  const throughProxy: StoreServer = {
    ...server,
    url: server.url.replace(`:${server.port}/`, `:${proxy.port}/`),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
  await using fleet = await startFleet(() => Promise.resolve(throughProxy), 2)
  await hangs(
    fleet,
    () => proxy.shut(),
    () => proxy.open(),
  )
})

test('with `closed`, a hung PostgreSQL is refused honestly and shown in /readyz', async () => {
  await using fleet = await startFleet(startPostgres, 1, 'closed')
  const [sidecar] = fleet.sidecars as [Spillway]
  await untilStoreIs('up', fleet)
  fleet.server.signal('SIGSTOP')
  await eventually(async () => {
    const { status, body } = await fleet.readiness(sidecar)
    assert.deepEqual([status, body.status], [503, 'store_unavailable'])
  })
  await eventually(async () => {
    const response = await fetch(`${sidecar.proxy}/github/x`)
    const body = (await response.json()) as { reason: string; not_executed: boolean }
    assert.deepEqual([response.status, body.reason, body.not_executed], [503, 'STORE_UNAVAILABLE', true])
  })
  fleet.server.signal('SIGCONT')
  await untilStoreIs('up', fleet)
  assert.equal((await fleet.readiness(sidecar)).status, 200)
})
