/**
 * One Spillway with misbehaving tools and, if wanted, a store for its fleet. This file holds the settings of the lanes;
 * it knows no faults (faults.ts) and no invariants (invariants.ts).
 */
import { writeFile } from 'node:fs/promises'
import { startSpillway } from '../support/process.ts'
import type { Spillway } from '../support/process.ts'
import { startRedis } from '../support/store-servers.ts'
import type { StoreServer } from '../support/store-servers.ts'
import type { Ledger } from './ledger.ts'
import { ChaosTool } from './tool.ts'

/** The largest maxConcurrent that a reload gives to a wild lane. */
export const MOST_CONCURRENT = 5
export const QUEUE_DEPTH = 12
const STEADY_CONCURRENT = 4

/** The wild lane whose tool is an MCP server. */
export const MCP = 'agents'

/** The wild lanes: faults and misbehaving calls hit them. No fault may affect the lane `steady` beside them. */
const WILD = [
  { name: 'wild', more: 'controller: { algorithm: fixed }', tries: 1 },
  { name: 'law', more: 'controller: { algorithm: adaptive }', tries: 1 },
  { name: 'again', more: 'controller: { algorithm: aimd }, retries: { max: 1, budgetRatio: 1 }', tries: 2 },
  { name: MCP, more: 'mcp: {}', tries: 1 },
] as const

export interface World extends AsyncDisposable {
  readonly spillway: Spillway
  readonly steady: ChaosTool
  readonly wild: readonly ChaosTool[]
  readonly store: StoreServer | undefined
  /** Reloads with this maxConcurrent for the wild lanes; with `isBroken` the new file is not valid YAML. */
  reload(concurrent: number, isBroken: boolean): Promise<void>
}

export async function startWorld(ledger: Ledger, withStore: boolean): Promise<World> {
  await using stack = new AsyncDisposableStack()
  const store = withStore ? stack.use(await startRedis()) : undefined
  const steady = new ChaosTool({ name: 'steady', limit: STEADY_CONCURRENT, tries: 1 }, ledger)
  const wild = WILD.map(({ name, tries }) => new ChaosTool({ name, limit: MOST_CONCURRENT, tries }, ledger))
  for (const tool of [steady, ...wild]) {
    await tool.start()
    stack.defer(() => tool.stop())
  }
  const yaml = (concurrent: number): string => configuration({ steady, wild, store, concurrent })
  const preload = new URL('preload.ts', import.meta.url).href
  const env = { NODE_OPTIONS: `--import=${preload}` }
  const spillway = stack.use(await startSpillway(yaml(MOST_CONCURRENT), { env, channel: true }))
  const parts = stack.move()
  return {
    spillway,
    steady,
    wild,
    store,
    reload: async (concurrent, isBroken) => {
      await writeFile(spillway.file, isBroken ? 'tools: { wild: [' : yaml(concurrent))
      spillway.signal('SIGHUP')
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
}

interface Written {
  readonly steady: ChaosTool
  readonly wild: readonly ChaosTool[]
  readonly store: StoreServer | undefined
  readonly concurrent: number
}

function configuration({ steady, wild, store, concurrent }: Written): string {
  const lines = wild.map(({ port }, index) => {
    const { name, more } = WILD[index] ?? WILD[0]
    const bounds = `maxConcurrent: ${concurrent}, maxQueueDepth: ${QUEUE_DEPTH}, ttlSeconds: 2, leaseSeconds: 1.5`
    return `  ${name}: { upstream: "http://127.0.0.1:${port}", ${bounds}, ${more} }`
  })
  return `
${store === undefined ? '' : `fleet: { store: "${store.url}", name: chaos, leaseTtlSeconds: 2 }`}
tools:
  steady: { upstream: "http://127.0.0.1:${steady.port}", maxConcurrent: ${STEADY_CONCURRENT}, ttlSeconds: 60, leaseSeconds: 60, controller: { algorithm: fixed } }
${lines.join('\n')}
`
}
