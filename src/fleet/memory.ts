/**
 * A store in this process: for tests on any clock, and to try a fleet of one. The hub is what a server would be; each
 * sidecar opens its own store on it. Nothing survives the process.
 */
import type { Clock } from '../time/clock.ts'
import { Ledger } from './ledger.ts'
import type { Notification } from './ledger.ts'
import { fleetFull, StoreFailure } from './store.ts'
import type { FleetStore, News, Allotment, Report, StoreOptions } from './store.ts'

/** The fault that a test plays: the store is `up`, or answers nobody. */
export type Fault = 'up' | 'silent'

export class MemoryHub {
  fault: Fault = 'up'
  /** Reports that were asked for. */
  reports = 0
  readonly #clock: Clock
  readonly #isBornEmpty: boolean
  readonly #ledgers = new Map<string, Ledger>()
  readonly #listeners = new Map<string, (news: News) => void>()

  /** `isBornEmpty`: nobody can hold anything of it yet, so that it gives from the start. */
  constructor(clock: Clock, isBornEmpty = false) {
    this.#clock = clock
    this.#isBornEmpty = isBornEmpty
  }

  /** As a failover does whose writes were lost: nothing is known any more. */
  forget(): void {
    this.#ledgers.clear()
  }

  open({ fleet, sidecar, ttlMs }: StoreOptions): FleetStore {
    const { nowMs, wallMs } = this.#clock
    const ledgerOf = (tool: string): Ledger => {
      const key = `${fleet}/${tool}`
      let ledger = this.#ledgers.get(key)
      if (ledger === undefined) {
        ledger = new Ledger(nowMs() + (this.#isBornEmpty ? 0 : ttlMs), wallMs())
        this.#ledgers.set(key, ledger)
      }
      return ledger
    }
    const tell = (tool: string, told: readonly Notification[]): void => {
      for (const { sidecar: to, news } of told) this.#listeners.get(`${fleet}/${to}`)?.({ tool, ...news })
    }
    return {
      report: async (said: Report): Promise<Allotment> => {
        this.reports++
        await this.#reach()
        const reported = ledgerOf(said.tool).report(said, { sidecar, ttlMs }, nowMs())
        if (reported === undefined) throw fleetFull(said.tool)
        tell(said.tool, reported.told)
        return reported.allotment
      },
      leave: async (tool) => {
        await this.#reach()
        tell(tool, ledgerOf(tool).leave(sidecar, nowMs()))
      },
      listen: (onNews) => void this.#listeners.set(`${fleet}/${sidecar}`, onNews),
      close: () => {
        this.#listeners.delete(`${fleet}/${sidecar}`)
        return Promise.resolve()
      },
    }
  }

  #reach(): Promise<void> {
    return this.fault === 'up'
      ? Promise.resolve()
      : Promise.reject(new StoreFailure('STORE_SILENT', 'the store does not answer'))
  }
}
