/**
 * Opens the store that a URL names, and loads its driver only then: redis: and rediss:, postgres: and postgresql:, or
 * memory:, which shares nothing with any other process and is there to try a fleet of one.
 */
import type { Clock } from '../time/clock.ts'
import { MemoryHub } from './memory.ts'
import type { FleetStore, StoreOptions } from './store.ts'

/** The URL was checked with the configuration. A store that cannot be used rejects each report. */
export function openStore(url: string, options: StoreOptions, clock: Clock): FleetStore {
  const opening = load(url, options, clock)
  // Each report rejects with the same error.
  opening.catch(() => undefined)
  return {
    report: async (report) => (await opening).report(report),
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
