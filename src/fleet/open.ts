/**
 * From the address of a store to a store: only the driver that is needed is loaded.
 */
import type { Clock } from '../time/clock.ts'
import { MemoryHub } from './memory.ts'
import type { FleetStore, StoreOptions } from './store.ts'

/** What `fleet.store` may begin with. `memory:` shares nothing with anybody: it is for trying a fleet of one. */
export const STORE_SCHEMES = ['redis:', 'rediss:', 'postgres:', 'postgresql:', 'memory:'] as const

/** The address was checked with the configuration. What the store cannot do, it rejects when it is asked. */
export function openStore(url: string, options: StoreOptions, clock: Clock): FleetStore {
  const opening = load(url, options, clock)
  // Whoever asks hears of it; nobody else needs to.
  opening.catch(() => undefined)
  return {
    report: async (said) => (await opening).report(said),
    leave: async (tool) => (await opening).leave(tool),
    listen: (onNews) => {
      opening.then((store) => store.listen(onNews)).catch(() => undefined)
    },
    close: async () => (await opening).close(),
  }
}

async function load(url: string, options: StoreOptions, clock: Clock): Promise<FleetStore> {
  switch (url.slice(0, url.indexOf(':') + 1)) {
    case 'redis:':
    case 'rediss:':
      return (await import('./redis.ts')).openRedis(url, options, clock)
    case 'postgres:':
    case 'postgresql:':
      return (await import('./postgres.ts')).openPostgres(url, options, clock)
    default:
      return new MemoryHub(clock, true).open(options)
  }
}
