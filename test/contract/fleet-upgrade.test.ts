/**
 * A rolling upgrade: sidecars of the previous version and of this one share a store, and each gets the same answers as from
 * the ledger.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import * as fc from 'fast-check'
import postgres from 'postgres'
import { MemoryHub } from '../../src/fleet/memory.ts'
import { openStore } from '../../src/fleet/open.ts'
import type { FleetStore } from '../../src/fleet/store.ts'
import { systemClock } from '../../src/time/system.ts'
import { eventually, pause } from '../support/eventually.ts'
import { startPostgres, startRedis } from '../support/store-servers.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { STEP, take } from './fleet-history.ts'
import { Client } from './fleet-worlds.ts'
import { PREVIOUS_FUNCTIONS, previousOnPostgres, previousOnRedis } from './previous/store.ts'
import type { OpenPrevious } from './previous/store.ts'

const HISTORIES = 40
const TTL_MS = 60_000
const SCHEMA = readFileSync(new URL('../../src/fleet/postgres/1-schema.sql', import.meta.url), 'utf8')
let tools = 0

/** Two sidecars of the previous version and two of this one. */
async function openMixed(url: string, openPrevious: OpenPrevious): Promise<readonly FleetStore[]> {
  const options = (sidecar: string) => ({ fleet: 'f', sidecar, ttlMs: TTL_MS, answerWithinMs: 10_000 })
  return [
    await openPrevious(url, options('a')),
    openStore(url, options('b'), systemClock),
    await openPrevious(url, options('c')),
    openStore(url, options('d'), systemClock),
  ]
}

async function compare(url: string, stores: readonly FleetStore[]): Promise<void> {
  const hub = new MemoryHub(new VirtualClock(), true)
  // A store pauses a tool that it does not know for one TTL of the first sidecar that reports; this opener has a TTL of 1 ms.
  const options = { fleet: 'f', sidecar: 'opener', ttlMs: 1, answerWithinMs: 10_000 }
  const opener = openStore(url, options, systemClock)
  const history = fc.array(STEP, { maxLength: 20 })
  const property = fc.asyncProperty(fc.integer({ min: 1, max: 5 }), history, async (cap, steps) => {
    const tool = `tool${++tools}`
    const first = new Client(opener, tool, cap)
    await first.want(0)
    await pause(5)
    await first.leave()
    const mixed = stores.map((store) => new Client(store, tool, cap))
    const models = ['a', 'b', 'c', 'd'].map(
      (sidecar) => new Client(hub.open({ ...options, sidecar, ttlMs: TTL_MS }), tool, cap),
    )
    for (const step of steps) assert.deepEqual(await take(mixed, step), await take(models, step))
  })
  try {
    await fc.assert(property, { numRuns: HISTORIES })
  } finally {
    await Promise.all([...stores, opener].map((store) => store.close()))
  }
}

test('redis: sidecars of the previous version and of this one get the slots that the ledger gives, in any history', async () => {
  await using server = await startRedis()
  await compare(server.url, await openMixed(server.url, previousOnRedis))
})

test('postgres: sidecars of the previous version and of this one get the slots that the ledger gives, in any history', async () => {
  await using server = await startPostgres()
  const admin = postgres(server.url, { max: 1, onnotice: () => undefined })
  const isThere = async (name: string) =>
    (await admin`select to_regproc(${name}) is not null as yes`)[0]?.['yes'] === true
  // The previous version made the database, and this one adds its new functions.
  await eventually(() => admin.unsafe(SCHEMA))
  await admin.unsafe(PREVIOUS_FUNCTIONS)
  assert.equal(await isThere('spillway_report_v3'), false)
  await compare(server.url, await openMixed(server.url, previousOnPostgres))
  assert.equal(await isThere('spillway_report_v3'), true)
  // The previous version installs its functions over those of this one.
  await admin.unsafe(PREVIOUS_FUNCTIONS)
  await compare(server.url, await openMixed(server.url, previousOnPostgres))
  await admin.end({ timeout: 0 })
})
