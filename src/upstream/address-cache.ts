/**
 * The addresses of one tool's host, kept for as long as its name server says, and longer while none answers. Each tool has
 * its own, so that a silent name server delays no other tool. Decides when addresses are old; name-query.ts looks for new
 * ones.
 */
import type { LookupFunction } from 'node:net'
import type { Clock, Timer } from '../time/clock.ts'
import { NameUnresolved } from './fault.ts'
import { findAddresses } from './name-query.ts'
import type { AskSystem, NamePaths } from './name-query.ts'
import type { Address } from './name-files.ts'

/** Seconds. A TTL of 0 would ask for each connection; one of a week would outlast a move. */
const SHORTEST_TTL_S = 1
const LONGEST_TTL_S = 300
/** Milliseconds for one look, less where connecting may take less; below connectTimeoutSeconds, so that the cause is told. */
const LONGEST_LOOK_MS = 5000
const LOOK_RATIO = 0.8
/** Milliseconds after which a look that failed is tried again: all who ask meanwhile get the same answer. */
const FAILED_FOR_MS = 1000
/** Milliseconds that a connection waits for new addresses while there are old ones (RFC 8767, 5: 1.8 s at most). */
const WAIT_WHILE_STALE_MS = 500
/** Milliseconds: a day. Addresses that are older are not used (RFC 8767, 4: one to three days). */
const LONGEST_STALE_MS = 86_400_000

export interface AddressCacheParts {
  readonly clock: Clock
  readonly paths: NamePaths
  readonly connectTimeoutMs: number
  /** For tests, which must not ask the network. */
  readonly askSystem?: AskSystem
}

interface Known {
  readonly addresses: readonly Address[]
  readonly foundAtMs: number
  freshUntilMs: number
}

export class AddressCache {
  readonly #parts: AddressCacheParts
  readonly #limitMs: number
  /** Of the one host that a tool has. */
  #known: Known | undefined
  #looking: Promise<readonly Address[]> | undefined
  #failed: { readonly error: Error; readonly untilMs: number } | undefined

  constructor(parts: AddressCacheParts) {
    this.#parts = parts
    this.#limitMs = Math.min(LONGEST_LOOK_MS, parts.connectTimeoutMs * LOOK_RATIO)
  }

  /** As node:net wants it. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    const wanted =
      options.family === 4 || options.family === 'IPv4' ? 4 : options.family === 6 ? 6 : undefined
    this.#addresses(hostname).then(
      (all) => {
        const found = wanted === undefined ? all : all.filter(({ family }) => family === wanted)
        const [first] = found
        if (first === undefined) callback(new NameUnresolved('ENODATA'), '', 4)
        else if (options.all === true) callback(null, [...found])
        else callback(null, first.address, first.family)
      },
      (error: unknown) => callback(error as NodeJS.ErrnoException, '', 4),
    )
  }

  /** No connection came about at these addresses: the host may have moved, whatever its TTL said. */
  expire(): void {
    const known = this.#known
    if (known !== undefined)
      known.freshUntilMs = Math.min(known.freshUntilMs, known.foundAtMs + SHORTEST_TTL_S * 1000)
  }

  #addresses(hostname: string): Promise<readonly Address[]> {
    const nowMs = this.#parts.clock.nowMs()
    const known = this.#known
    const isUsable = known !== undefined && nowMs < known.foundAtMs + LONGEST_STALE_MS
    if (isUsable && nowMs < known.freshUntilMs) return Promise.resolve(known.addresses)
    if (this.#failed !== undefined && nowMs < this.#failed.untilMs)
      return isUsable ? Promise.resolve(known.addresses) : Promise.reject(this.#failed.error)
    this.#looking ??= this.#look(hostname).finally(() => (this.#looking = undefined))
    return isUsable ? this.#orStale(this.#looking, known.addresses) : this.#looking
  }

  async #look(hostname: string): Promise<readonly Address[]> {
    const { clock } = this.#parts
    try {
      const { addresses, ttlSeconds } = await findAddresses(hostname, {
        ...this.#parts,
        limitMs: this.#limitMs,
      })
      const foundAtMs = clock.nowMs()
      const ttlMs = Math.min(LONGEST_TTL_S, Math.max(SHORTEST_TTL_S, ttlSeconds)) * 1000
      this.#known = { addresses, foundAtMs, freshUntilMs: foundAtMs + ttlMs }
      this.#failed = undefined
      return addresses
    } catch (error) {
      const known = error instanceof Error ? error : new NameUnresolved('UNKNOWN')
      this.#failed = { error: known, untilMs: clock.nowMs() + FAILED_FOR_MS }
      throw error
    }
  }

  /** The new addresses if they come soon, else the old ones, while the look goes on. */
  async #orStale(
    looking: Promise<readonly Address[]>,
    stale: readonly Address[],
  ): Promise<readonly Address[]> {
    let timer: Timer | undefined
    const waited = new Promise<readonly Address[]>((resolve) => {
      timer = this.#parts.clock.after(WAIT_WHILE_STALE_MS, () => resolve(stale))
    })
    try {
      return await Promise.race([looking, waited])
    } catch {
      return stale
    } finally {
      timer?.clear()
    }
  }
}
