/**
 * The faults of a chaos run: one at a time, chosen at random, they hit the running Spillway, its tools and its store.
 * Every fault ends by itself. `heal` restores the configuration and lifts the operator's orders at the end of the run.
 */
import type { Random } from '../../bench/control/engine/random.ts'
import { pause } from '../support/eventually.ts'
import { MOST_CONCURRENT } from './world.ts'
import type { World } from './world.ts'
import type { Ledger } from './ledger.ts'

export interface FaultParts {
  readonly world: World
  readonly ledger: Ledger
  readonly random: Random
  /** Starts this many calls at once. */
  readonly burst: (calls: number) => void
}

type Fault = (parts: FaultParts) => Promise<void>

/** Longer than the leases (1.5 s) and TTLs (2 s) of the wild lanes, so that some freezes outlast both. */
const LONGEST_FREEZE_MS = 2500
const BURST_CALLS = 40

const FAULTS: Readonly<Record<string, Fault>> = {
  'tool restarts': async ({ world, random }) => {
    const tool = world.wild[Math.floor(random.next() * world.wild.length)]
    await tool?.stop()
    await pause(random.next() * 600)
    await tool?.start()
  },
  'good reload': ({ world, random }) => world.reload(1 + Math.floor(random.next() * MOST_CONCURRENT), false),
  'bad reload': ({ world }) => world.reload(1, true),
  freeze: async ({ world: { spillway }, random }) => {
    spillway.signal('SIGSTOP')
    await pause(random.next() * LONGEST_FREEZE_MS)
    spillway.signal('SIGCONT')
  },
  'clock jump': ({ world: { spillway } }) => {
    spillway.signal('SIGUSR2')
    return Promise.resolve()
  },
  burst: ({ burst }) => {
    burst(BURST_CALLS)
    return Promise.resolve()
  },
  pause: async (parts) => {
    await operate(parts, { paused: true, for: '500ms' })
    await pause(parts.random.next() * 300)
  },
  pin: (parts) => operate(parts, { limit: 1, for: '400ms' }),
  'watcher that does not read': async ({ world: { spillway } }) => {
    const watcher = new AbortController()
    const watching = fetch(`${spillway.admin}/events`, { signal: watcher.signal }).catch(() => undefined)
    await pause(300)
    watcher.abort()
    await watching
  },
  'store restarts': async ({ world: { store }, random }) => {
    if (store === undefined) return
    await store.kill()
    await pause(random.next() * 1500)
    await store.start()
  },
  'store hangs': async ({ world: { store }, random }) => {
    store?.signal('SIGSTOP')
    await pause(store === undefined ? 0 : random.next() * 1500)
    store?.signal('SIGCONT')
  },
}

/** Injects one fault; resolves when the fault is over. */
export async function strike(parts: FaultParts): Promise<void> {
  const names = Object.keys(FAULTS)
  const name = names[Math.floor(parts.random.next() * names.length)] ?? ''
  parts.ledger.count(`fault ${name}`)
  await FAULTS[name]?.(parts)
}

/** Resumes the process, loads a valid configuration, and lifts every operator's order. */
export async function heal(parts: FaultParts): Promise<void> {
  const { world } = parts
  world.spillway.signal('SIGCONT')
  await world.reload(MOST_CONCURRENT, false)
  for (const { facts } of world.wild) await patch(world, facts.name, { limit: 'auto', paused: false })
}

async function operate({ world, random }: FaultParts, order: object): Promise<void> {
  const tool = world.wild[Math.floor(random.next() * world.wild.length)]
  if (tool !== undefined) await patch(world, tool.facts.name, order)
}

async function patch({ spillway }: World, tool: string, order: object): Promise<void> {
  const response = await fetch(`${spillway.admin}/lanes/${tool}`, {
    method: 'PATCH',
    body: JSON.stringify(order),
  })
  await response.arrayBuffer()
}
