/**
 * One Spillway with misbehaving tools behind it and, if wanted, a store that it shares its slots by. Which lane has which
 * settings; the invariants and the faults are elsewhere.
 */
import { writeFile } from 'node:fs/promises'
import { startSpillway } from '../support/process.ts'
import type { Spillway } from '../support/process.ts'
import { startRedis } from '../support/store-servers.ts'
import type { StoreServer } from '../support/store-servers.ts'
import type { Ledger } from './ledger.ts'
import { ChaosTool } from './tool.ts'

/** The largest limit that a lane of the wild tools ever has: reloads go up to it. */
export const MOST_CONCURRENT = 5
export const QUEUE_DEPTH = 12
const STEADY_CONCURRENT = 4

/** The wild lane whose tool is an MCP server. */
export const MCP = 'agents'

/** Lanes that take what comes; beside them there is `steady`, which nothing may reach. */
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
  /** Another configuration for the wild lanes; the file is left broken if `isBroken`. */
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
