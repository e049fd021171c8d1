/**
 * A store in this process: for tests on any clock, and to try a fleet of one sidecar. The hub stands in for the server,
 * with one Ledger for each fleet and tool; each sidecar opens its own store on it. Nothing survives the process.
 */
import type { Clock } from '../time/clock.ts'
import { Ledger } from './ledger.ts'
import { fleetFull, StoreFailure } from './store.ts'
import type { FleetStore, News, Allotment, Report, StoreOptions } from './store.ts'

export class MemoryHub {
  /** Played by tests: the store answers nobody. */
  isSilent = false
  /** Reports received so far. */
  reports = 0
  readonly #clock: Clock
  readonly #isBornEmpty: boolean
  readonly #ledgers = new Map<string, Ledger>()
  readonly #listeners = new Map<string, (news: News) => void>()

  /** `isBornEmpty`: no sidecar can hold slots of it yet, so it gives from the start. */
  constructor(clock: Clock, isBornEmpty = false) {
    this.#clock = clock
    this.#isBornEmpty = isBornEmpty
  }

  /** Played by tests: a failover that lost every write. */
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
    return {
      report: async (report: Report): Promise<Allotment> => {
        this.reports++
        await this.#reach()
        const { tool } = report
        const result = ledgerOf(tool).report(report, { sidecar, ttlMs }, nowMs())
        if (result === undefined) throw fleetFull(tool)
        for (const { sidecar: to, news } of result.notifications)
          this.#listeners.get(`${fleet}/${to}`)?.({ tool, ...news })
        return result.allotment
      },
      listen: (onNews) => void this.#listeners.set(`${fleet}/${sidecar}`, onNews),
      close: () => {
        this.#listeners.delete(`${fleet}/${sidecar}`)
        return Promise.resolve()
      },
    }
  }

  #reach(): Promise<void> {
    return this.isSilent
      ? Promise.reject(new StoreFailure('STORE_SILENT', 'the store does not answer'))
      : Promise.resolve()
  }
}
