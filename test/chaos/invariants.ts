/**
 * The invariants of a chaos run: some are checked throughout the run, others once the load is over. Each violation is
 * recorded in the ledger.
 */
import { readdirSync } from 'node:fs'
import { eventually, pause } from '../support/eventually.ts'
import type { LaneJson } from '../support/process.ts'
import type { Ledger } from './ledger.ts'
import { MOST_CONCURRENT, QUEUE_DEPTH } from './world.ts'
import type { World } from './world.ts'

/** Interval between two checks. */
const LOOK_MS = 150
/** Time within which the admin listener must answer: longer than any freeze. */
const LOOK_PATIENCE_MS = 15_000
/** Time within which the lanes become idle: all leases, TTLs and idle connections end sooner. */
const REST_MS = 20_000

/** Checks health, lanes and metrics until the run is over. */
export async function watch(world: World, ledger: Ledger, isOver: () => boolean): Promise<void> {
  const { spillway, wild, store } = world
  // A ticket that waits only for the fleet to grant a slot does not count against maxQueueDepth.
  const mostTickets = QUEUE_DEPTH + (store === undefined ? 0 : MOST_CONCURRENT)
  for (let look = 0; !isOver(); look++) {
    await pause(LOOK_MS)
    try {
      const signal = AbortSignal.timeout(LOOK_PATIENCE_MS)
      const health = await fetch(`${spillway.admin}/healthz`, { signal })
      if (health.status !== 200) ledger.fail(`/healthz answered ${health.status}`)
      await health.arrayBuffer()
      for (const { facts } of wild) {
        const { active_workers: active, queue_depth: depth } = await spillway.lane(facts.name)
        if (active > MOST_CONCURRENT) ledger.fail(`${facts.name} has ${active} leases`)
        if (depth > mostTickets) ledger.fail(`${facts.name} has ${depth} tickets`)
      }
      if (look % 10 === 0) await spillway.metrics()
    } catch (error) {
      ledger.fail(`the admin listener did not answer: ${String(error)}`)
    }
  }
}

/** Calls a healthy tool, one call at a time. No call may fail. */
export async function callSteadily(world: World, ledger: Ledger, isOver: () => boolean): Promise<void> {
  const { spillway } = world
  for (let count = 0; !isOver(); count++) {
    const id = `steady-${count}`
    try {
      const signal = AbortSignal.timeout(LOOK_PATIENCE_MS)
      const answer = await fetch(`${spillway.proxy}/steady/fine/${id}`, { signal })
      const body = await answer.text()
      if (answer.status !== 200 || !body.includes(`"echo":"${id}"`))
        ledger.fail(`${id} at a healthy tool got ${answer.status} ${body}`)
      ledger.count('steady')
    } catch (error) {
      ledger.fail(`${id} at a healthy tool failed: ${String(error)}`)
    }
    await pause(20)
  }
}

/** Waits until no lane has a lease or a ticket, then checks that the counters of each lane add up. */
export async function checkRest({ spillway, wild }: World, ledger: Ledger): Promise<void> {
  const names = ['steady', ...wild.map(({ facts }) => facts.name)]
  for (const name of names) {
    try {
      await eventually(async () => assertAtRest(name, await spillway.lane(name)), REST_MS)
    } catch (error) {
      ledger.fail(String(error))
    }
  }
  const metrics = await spillway.metrics()
  for (const name of ['spillway_leases_ended_twice_total', 'spillway_internal_errors_total']) {
    for (const [line] of metrics.matchAll(new RegExp(`^${name}(?:\\{.*\\})? [1-9].*$`, 'gm')))
      ledger.fail(line)
  }
}

/** Number of open files of the process. Linux only: read from /proc. */
export function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

function assertAtRest(name: string, { active_workers: active, queue_depth: depth, totals }: LaneJson): void {
  if (active !== 0 || depth !== 0)
    throw new Error(`${name} is not at rest: ${active} leases, ${depth} tickets`)
  const { admitted, completed, failed, reclaimed, cancelled } = totals
  const expired = (totals.refused['QUEUE_TTL_EXPIRED'] ?? 0) + putOut(totals.refused)
  const ended = completed + failed + reclaimed + cancelled
  // `admitted` includes tickets that were refused later, while they waited. Calls refused on arrival are not in it.
  if (ended > admitted || admitted > ended + expired)
    throw new Error(`the counters of ${name} do not add up: ${JSON.stringify(totals)}`)
}

function putOut(refused: Readonly<Record<string, number>>): number {
  return ['QUEUE_SATURATED', 'SHED_LOW_PRIORITY', 'UPSTREAM_THROTTLED', 'STORE_UNAVAILABLE', 'DRAINING']
    .map((reason) => refused[reason] ?? 0)
    .reduce((sum, count) => sum + count, 0)
}
