/**
 * Measures the cost of one cap for many sidecars, with real servers: the wait of a call, the calls per second and the round
 * trips per call. A run fails if more calls run than the cap allows. `npm run bench:fleet`; about a minute.
 */
import { openStore } from '../../src/fleet/open.ts'
import type { FleetStore, StoreOptions } from '../../src/fleet/store.ts'
import { systemClock } from '../../src/time/system.ts'
import { Random } from '../control/engine/random.ts'
import { startPostgres, startRedis } from '../../test/support/store-servers.ts'
import { memberships, plainPoll, semaphoreLibrary } from './ways.ts'
import type { Way } from './ways.ts'

const RUN_MS = 4000
const SEQUENTIAL_CALLS = 2000

interface Load {
  readonly cap: number
  readonly sidecars: number
  readonly perSec: number
}

/** Calls of 20 to 80 ms. One sidecar gets half of them; each second it is the next sidecar. */
const LOADS: readonly Load[] = [
  { cap: 10, sidecars: 6, perSec: 150 },
  { cap: 3, sidecars: 10, perSec: 40 },
  { cap: 40, sidecars: 6, perSec: 400 },
]

function percentile(sorted: readonly number[], ratio: number): string {
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * ratio))] ?? NaN).toFixed(2)
}

async function contend(way: Way, { cap, sidecars, perSec }: Load): Promise<string> {
  // The same seed, so that every way gets the same calls.
  const random = new Random(7)
  const waits: number[] = []
  let [running, most] = [0, 0]
  const calls: Promise<void>[] = []
  async function call(index: number, holdMs: number): Promise<void> {
    const beganAt = performance.now()
    const giveBack = await way.enter(index)
    waits.push(performance.now() - beganAt)
    most = Math.max(most, ++running)
    await new Promise((resolve) => setTimeout(resolve, holdMs))
    running--
    await giveBack()
  }
  const before = way.operations()
  const beganAt = performance.now()
  const endsAt = beganAt + RUN_MS
  for (let at = beganAt; at < endsAt; at += random.exponential(1000 / perSec)) {
    const sleep = at - performance.now()
    if (sleep > 1) await new Promise((resolve) => setTimeout(resolve, sleep))
    const hot = Math.floor((at - beganAt) / 1000) % sidecars
    calls.push(
      call(random.next() < 0.5 ? hot : Math.floor(random.next() * sidecars), 20 + random.next() * 60),
    )
  }
  await Promise.all(calls)
  const seconds = (performance.now() - beganAt) / 1000
  if (most > cap) throw new Error(`${way.name}: ${most} calls ran under a cap of ${cap}`)
  waits.sort((a, b) => a - b)
  const figures = [percentile(waits, 0.5), percentile(waits, 0.9), percentile(waits, 0.99)]
  const perCall = ((way.operations() - before) / calls.length).toFixed(2)
  return `| ${[way.name, ...figures, (calls.length / seconds).toFixed(0), perCall, most].join(' | ')} |`
}

/** One call after the other at one sidecar: the cost of a slot without contention. */
async function sequential(way: Way): Promise<string> {
  const took: number[] = []
  const before = way.operations()
  const beganAt = performance.now()
  for (let i = 0; i < SEQUENTIAL_CALLS; i++) {
    const askedAt = performance.now()
    const giveBack = await way.enter(0)
    took.push((performance.now() - askedAt) * 1000)
    await giveBack()
  }
  const seconds = (performance.now() - beganAt) / 1000
  took.sort((a, b) => a - b)
  const perCall = ((way.operations() - before) / SEQUENTIAL_CALLS).toFixed(3)
  return `| ${[way.name, percentile(took, 0.5), percentile(took, 0.99), (SEQUENTIAL_CALLS / seconds).toFixed(0), perCall].join(' | ')} |`
}

/** One report after the other: the latency of the store itself. */
async function reports(name: string, store: FleetStore): Promise<string> {
  const took: number[] = []
  for (let order = 1; order <= SEQUENTIAL_CALLS; order++) {
    const askedAt = performance.now()
    await store.report({
      tool: 'reports',
      cap: 8,
      epoch: 0,
      returned: 0,
      held: 0,
      want: 0,
      order,
      isLeaving: false,
    })
    if (order > SEQUENTIAL_CALLS / 10) took.push(performance.now() - askedAt)
  }
  await store.close()
  took.sort((a, b) => a - b)
  return `| ${name} | ${percentile(took, 0.5)} | ${percentile(took, 0.99)} |`
}

const redis = await startRedis()
const postgres = await startPostgres()
const opener = (url: string) => (options: StoreOptions) => openStore(url, options, systemClock)

function ways(cap: number, sidecars: number): (() => Promise<Way>)[] {
  return [
    () => memberships('fleet on Redis', { cap, sidecars, open: opener(redis.url) }),
    () => memberships('fleet on PostgreSQL', { cap, sidecars, open: opener(postgres.url) }),
    () => semaphoreLibrary(redis.url, cap, sidecars),
    () => plainPoll(redis.url, cap, sidecars),
  ]
}

console.log('One report after the other, milliseconds\n\n| store | p50 | p99 |\n|---|---|---|')
for (const [name, url] of [
  ['Redis', redis.url],
  ['PostgreSQL', postgres.url],
] as const) {
  const options = { fleet: 'reports', sidecar: 'one', ttlMs: 10_000, answerWithinMs: 5000 }
  console.log(await reports(name, openStore(url, options, systemClock)))
}

console.log('\nOne call after the other at one sidecar, microseconds to a slot\n')
console.log('| way | p50 | p99 | calls/s | round trips a call |\n|---|---|---|---|---|')
for (const start of [
  () => memberships('one lane without a fleet', { cap: 8, sidecars: 1, open: undefined }),
  ...ways(8, 1),
]) {
  const way = await start()
  console.log(await sequential(way))
  await way.close()
}

for (const load of LOADS) {
  const { cap, sidecars, perSec } = load
  console.log(
    `\nCap ${cap}, ${sidecars} sidecars, ${perSec} calls a second of 20 to 80 ms: milliseconds of waiting\n`,
  )
  console.log(
    '| way | p50 | p90 | p99 | calls/s | round trips a call | most at once |\n|---|---|---|---|---|---|---|',
  )
  for (const start of ways(cap, sidecars)) {
    const way = await start()
    console.log(await contend(way, load))
    await way.close()
  }
}
await redis[Symbol.asyncDispose]()
await postgres[Symbol.asyncDispose]()
process.exit(0)
