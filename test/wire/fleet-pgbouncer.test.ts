/**
 * A fleet through PgBouncer in transaction mode: the cap holds, and a slot that comes free is found without NOTIFY.
 */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { openStore } from '../../src/fleet/open.ts'
import type { News } from '../../src/fleet/store.ts'
import { systemClock } from '../../src/time/system.ts'
import { Client } from '../contract/fleet-worlds.ts'
import { eventually } from '../support/eventually.ts'
import { PGBOUNCER_PLACES, startPgBouncer } from '../support/pgbouncer.ts'
import { startPostgres } from '../support/store-servers.ts'
import type { StoreServer } from '../support/store-servers.ts'
import { CAP, startFleet } from './fleet-processes.ts'

function binary(): string {
  const found = PGBOUNCER_PLACES.find((place) => existsSync(place))
  assert.ok(found, 'pgbouncer is not installed; run: apt-get install -y pgbouncer')
  return found
}

test('three processes share one cap through PgBouncer in transaction mode, and none is passed over', async () => {
  await using server = await startPostgres()
  await using pooler = await startPgBouncer(server, binary())
  const pooled: StoreServer = {
    ...server,
    url: pooler.url,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
  await using fleet = await startFleet(() => Promise.resolve(pooled), 3)
  for (const sidecar of fleet.sidecars)
    await eventually(async () => assert.equal((await fleet.lane(sidecar)).fleet.store, 'up'))
  const loads = fleet.sidecars.map((each) => fleet.load(each, 5))
  await eventually(() => assert.ok(loads.every(({ done }) => done >= 20)))
  assert.equal(fleet.tool.seen.mostActive, CAP)
  for (const load of loads) assert.deepEqual(load.refused, [])
  for (const sidecar of fleet.sidecars) {
    assert.ok(!sidecar.lines.some((line) => line.includes('fleet_store=lost')))
    assert.equal((await fleet.lane(sidecar)).fleet.sidecars, 3)
  }
})

test('behind PgBouncer news is fetched: a slot given back is found by who waits, without a word of its own', async () => {
  await using server = await startPostgres()
  await using pooler = await startPgBouncer(server, binary())
  const options = { fleet: 'f', ttlMs: 60_000, answerWithinMs: 10_000 }
  const stores = ['a', 'b'].map((sidecar) => openStore(pooler.url, { ...options, sidecar }, systemClock))
  try {
    const [a, b] = stores.map((store) => new Client(store, 'github', 1)) as [Client, Client]
    await eventually(() => a.want(1))
    assert.equal(a.held, 1)
    await eventually(() => b.want(1))
    assert.equal(b.held, 0)
    const given = (news: readonly News[]) => news.at(-1)?.given
    // Who holds the slot learns that another waits for it, and that one that it was given.
    await eventually(() => assert.equal(a.news.at(-1)?.waiting, 1))
    await eventually(() => a.giveBack(1))
    await eventually(() => assert.equal(given(b.news), 1))
  } finally {
    await Promise.all(stores.map((store) => store.close()))
  }
})
