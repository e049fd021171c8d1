/**
 * The first start of a fleet on PostgreSQL: a store with new tables gives slots at once. A store whose tables were emptied,
 * dropped or made again gives nothing for one TTL.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import postgres from 'postgres'
import { openStore } from '../../src/fleet/open.ts'
import type { FleetStore } from '../../src/fleet/store.ts'
import { systemClock } from '../../src/time/system.ts'
import { eventually } from '../support/eventually.ts'
import { startPostgres } from '../support/store-servers.ts'
import type { StoreServer } from '../support/store-servers.ts'
import { Client } from './fleet-worlds.ts'

/** Longer than any test here runs, so that no session ends. */
const TTL_MS = 60_000
const CAP = 4

describe('the first start of a fleet on PostgreSQL', () => {
  let server: StoreServer
  let root: postgres.Sql
  let databases = 0
  before(async () => {
    server = await startPostgres()
    root = postgres(server.url, { max: 1, onnotice: () => undefined })
  })
  after(async () => {
    await root.end({ timeout: 0 })
    await server[Symbol.asyncDispose]()
  })

  /** A new database without tables. */
  async function bare() {
    const name = `fleet${++databases}`
    // A starting server accepts connections before it accepts statements.
    await eventually(() => root.unsafe(`create database ${name}`))
    const url = server.url.replace(/\/postgres$/, `/${name}`)
    const admin = postgres(url, { max: 1, onnotice: () => undefined })
    const stores: FleetStore[] = []
    return {
      admin,
      member(sidecar: string, tool = 'github'): Client {
        const store = openStore(
          url,
          { fleet: 'f', sidecar, ttlMs: TTL_MS, answerWithinMs: 10_000 },
          systemClock,
        )
        stores.push(store)
        return new Client(store, tool, CAP)
      },
      async [Symbol.asyncDispose]() {
        await Promise.all(stores.map((store) => store.close()))
        await admin.end({ timeout: 0 })
      },
    }
  }

  test('two sidecars that start together on an empty database get slots at once, up to the cap', async () => {
    await using db = await bare()
    const [a, b] = [db.member('a'), db.member('b')]
    const said = await Promise.all([a.want(3), b.want(3)])
    assert.deepEqual(
      said.map(({ pausedMs }) => pausedMs),
      [0, 0],
    )
    await Promise.all([a.want(3 - a.held), b.want(3 - b.held)])
    assert.equal(a.held + b.held, CAP)
  })

  test('slots of a new tool are given at once in tables that were never emptied', async () => {
    await using db = await bare()
    await db.member('a').want(1)
    const { pausedMs, given } = await db.member('b', 'other').want(2)
    assert.deepEqual([pausedMs, given], [0, 2])
  })

  test('after the tables were emptied no slot is given for one TTL, not even of a new tool', async () => {
    await using db = await bare()
    const a = db.member('a')
    await a.want(3)
    await db.admin`truncate tool_leases, spillway_tools, spillway_members`
    const fresh = await db.member('b').want(CAP)
    assert.ok(fresh.pausedMs > 0)
    assert.equal(fresh.given, 0)
    await a.want(0)
    assert.equal(a.held, 3)
    assert.ok((await db.member('c', 'other').want(1)).pausedMs > 0)
  })

  test('tables that were dropped under a running sidecar are made again, and give no slot for one TTL', async () => {
    await using db = await bare()
    const a = db.member('a')
    await a.want(3)
    await db.admin`drop table tool_leases, spillway_tools, spillway_members`
    const fresh = await db.member('b').want(CAP)
    assert.ok(fresh.pausedMs > 0)
    assert.equal(fresh.given, 0)
    await eventually(() => a.want(0))
    assert.equal(a.held, 3)
  })

  test('a sidecar that had an answer before makes an empty schema again, and it gives no slot for one TTL', async () => {
    await using db = await bare()
    const a = db.member('a')
    await a.want(3)
    await db.admin`drop schema public cascade`
    await db.admin`create schema public`
    await eventually(() => a.want(0))
    assert.equal(a.held, 3)
    const fresh = await db.member('b').want(CAP)
    assert.ok(fresh.pausedMs > 0)
    assert.equal(fresh.given, 0)
  })

  test('after a new sidecar took a lost schema for a first start, the report of an old sidecar keeps its slots and begins the pause', async () => {
    await using db = await bare()
    const [a, idle] = [db.member('a'), db.member('idle')]
    await a.want(3)
    await idle.want(0)
    await db.admin`drop schema public cascade`
    await db.admin`create schema public`
    const b = db.member('b')
    assert.equal((await b.want(3)).given, 3)
    // The old sidecar reports: its slots count, although together they exceed the cap.
    const { pausedMs, waiting } = await eventually(() => a.want(1))
    assert.equal(a.held, 3)
    assert.ok(pausedMs > 0)
    assert.equal(waiting, 1, 'both sidecars together hold more than the cap')
    assert.ok((await b.want(1)).pausedMs > 0)
    await b.giveBack(3, 3)
    await a.giveBack(1, 1)
    assert.deepEqual([a.held, b.held], [2, 0])
    assert.ok(
      (await db.member('c', 'other').want(1)).pausedMs > 0,
      'slots of other tools are not given at once any more',
    )
  })
})
