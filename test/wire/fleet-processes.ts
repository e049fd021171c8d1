/**
 * Several real Spillway processes on one real store and one tool, under load from callers that never stop.
 */
import type { FakeTool } from '../support/fake-tool.ts'
import { after, fakeTool } from '../support/fake-tool.ts'
import { startSpillway } from '../support/process.ts'
import type { Spillway } from '../support/process.ts'
import type { StoreServer } from '../support/store-servers.ts'

export const CAP = 4
export const TTL_SECONDS = 1.5
/** Milliseconds of a call: shorter than the margin by which a session ends here before it ends in the store. */
const CALL_MS = 40

export interface FleetLane {
  readonly active_workers: number
  readonly queue_depth: number
  readonly fleet: {
    readonly store: string
    readonly held: number
    readonly ceiling: number
    readonly sidecars: number | null
    readonly waiting_sidecars: number
  }
}

export interface Processes extends AsyncDisposable {
  readonly server: StoreServer
  readonly tool: FakeTool
  readonly sidecars: readonly Spillway[]
  /** Callers of one sidecar, each with one call after the other, until they are stopped. */
  load(sidecar: Spillway, callers: number): Load
  lane(sidecar: Spillway): Promise<FleetLane>
  counter(sidecar: Spillway, name: string): Promise<number>
  readiness(sidecar: Spillway): Promise<{ readonly status: number; readonly body: ReadyBody }>
}

export interface ReadyBody {
  readonly status: string
  readonly fleet: { readonly store: string; readonly on_store_loss: string }
}

export interface Load {
  /** Calls that the tool answered. */
  readonly done: number
  /** Reasons of refusals. */
  readonly refused: readonly string[]
  stop(): Promise<void>
}

export async function startFleet(
  start: () => Promise<StoreServer>,
  count: number,
  onStoreLoss = 'local-share',
): Promise<Processes> {
  const server = await start()
  const tool = await fakeTool(after(CALL_MS))
  const yaml = `
fleet: { store: "${server.url}", name: wire, leaseTtlSeconds: ${TTL_SECONDS}, onStoreLoss: ${onStoreLoss} }
tools:
  github: { upstream: "${tool.url}", maxConcurrent: ${CAP}, ttlSeconds: 20, controller: { algorithm: fixed } }
`
  const sidecars = await Promise.all(Array.from({ length: count }, () => startSpillway(yaml)))
  const loads: Load[] = []
  return {
    server,
    tool,
    sidecars,
    load(sidecar, callers) {
      const load = startLoad(`${sidecar.proxy}/github/x`, callers)
      loads.push(load)
      return load
    },
    lane: async (sidecar) => (await sidecar.lane('github')) as unknown as FleetLane,
    counter: async (sidecar, name) => {
      const line = new RegExp(`^spillway_${name}\\{[^}]*\\} (\\S+)$`, 'm').exec(await sidecar.metrics())
      return Number(line?.[1])
    },
    readiness: async (sidecar) => {
      const response = await fetch(`${sidecar.admin}/readyz`)
      return { status: response.status, body: (await response.json()) as ReadyBody }
    },
    async [Symbol.asyncDispose]() {
      for (const sidecar of sidecars) sidecar.signal('SIGCONT')
      await Promise.all(loads.map((load) => load.stop()))
      await Promise.all(sidecars.map((sidecar) => sidecar[Symbol.asyncDispose]()))
      await tool[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

function startLoad(url: string, callers: number): Load {
  const controller = new AbortController()
  const { signal } = controller
  const load = { done: 0, refused: [] as string[], stop }
  async function caller(): Promise<void> {
    while (!signal.aborted) {
      try {
        const response = await fetch(url, { signal })
        await response.arrayBuffer()
        const reason = response.headers.get('x-spillway-reason')
        if (reason === null) load.done++
        else {
          load.refused.push(reason)
          await new Promise((resolve) => setTimeout(resolve, 20))
        }
      } catch {
        // The process was killed, or the test is over.
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
  }
  const running = Promise.all(Array.from({ length: callers }, caller))
  async function stop(): Promise<void> {
    controller.abort()
    await running
  }
  return load
}
