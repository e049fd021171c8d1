/**
 * PostgreSQL's tables made, emptied and thrown away: a first start gives at once, and any other is not taken for one.
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

/** No test waits for it. */
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

  /** A database of its own, bare. */
  async function bare() {
    const name = `fleet${++databases}`
    // It takes connections before it takes statements.
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

  test('two sidecars that start together on a bare database are given slots at once, and no more than the cap', async () => {
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

  test('a tool that is new in tables that were never emptied is given at once, too', async () => {
    await using db = await bare()
    await db.member('a').want(1)
    const { pausedMs, given } = await db.member('b', 'other').want(2)
    assert.deepEqual([pausedMs, given], [0, 2])
  })

  test('tables that were emptied are no first start, nor for a tool that was not known before', async () => {
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

  test('tables that were dropped under a living sidecar are made again, and are no first start', async () => {
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

  test('a sidecar that was answered before and finds a bare schema makes no first start of it', async () => {
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

  test('a first start made under a living sidecar, by one that knows nothing of it, honours what that one holds and gives no more', async () => {
    await using db = await bare()
    const [a, idle] = [db.member('a'), db.member('idle')]
    await a.want(3)
    await idle.want(0)
    await db.admin`drop schema public cascade`
    await db.admin`create schema public`
    const b = db.member('b')
    assert.equal((await b.want(3)).given, 3)
    // The survivor is heard: what it runs counts, though it is more than the cap now.
    const { pausedMs, waiting } = await eventually(() => a.want(1))
    assert.equal(a.held, 3)
    assert.ok(pausedMs > 0)
    assert.equal(waiting, 1, 'more is held than the cap')
    assert.ok((await b.want(1)).pausedMs > 0)
    await b.giveBack(3, 3)
    await a.giveBack(1, 1)
    assert.deepEqual([a.held, b.held], [2, 0])
    assert.ok((await db.member('c', 'other').want(1)).pausedMs > 0, 'and no tool is a first start any more')
  })
})
