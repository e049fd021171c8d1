/**
 * Caches the addresses of one tool's host for their TTL, and for longer while the name servers do not answer. Each tool has
 * a cache of its own, so that a silent name server delays no other tool. Decides when addresses are stale; name-query.ts
 * finds new ones.
 */
import type { LookupFunction } from 'node:net'
import type { Clock, Timer } from '../time/clock.ts'
import { NameUnresolved } from './fault.ts'
import { findAddresses } from './name-query.ts'
import type { AskSystem, NamePaths } from './name-query.ts'
import type { Address } from './name-files.ts'

/** Seconds. With a TTL of 0, each connection would need a query; with a TTL of a week, a moved host would not be found. */
const SHORTEST_TTL_S = 1
const LONGEST_TTL_S = 300
/** Milliseconds for one lookup. It ends before the time for connecting does, so that the cause of the failure is reported. */
const LONGEST_LOOKUP_MS = 5000
const LOOKUP_RATIO = 0.8
/** Milliseconds for which a failed lookup is cached: all connections in that time get the same error. */
const FAILED_FOR_MS = 1000
/** Milliseconds that a connection waits for new addresses while there are old ones (RFC 8767, 5: 1.8 s at most). */
const WAIT_WHILE_STALE_MS = 500
/** Milliseconds: a day. Addresses that are older are not used (RFC 8767, 4: one to three days). */
const LONGEST_STALE_MS = 86_400_000

export interface AddressCacheParts {
  readonly clock: Clock
  readonly paths: NamePaths
  readonly connectTimeoutMs: number
  /** For tests, which must not use the network. */
  readonly askSystem?: AskSystem
}

interface Cached {
  readonly addresses: readonly Address[]
  readonly foundAtMs: number
  freshUntilMs: number
}

export class AddressCache {
  readonly #parts: AddressCacheParts
  readonly #limitMs: number
  /** A tool has one host, so there is one entry. */
  #cached: Cached | undefined
  #lookingUp: Promise<readonly Address[]> | undefined
  #failed: { readonly error: Error; readonly untilMs: number } | undefined

  constructor(parts: AddressCacheParts) {
    this.#parts = parts
    this.#limitMs = Math.min(LONGEST_LOOKUP_MS, parts.connectTimeoutMs * LOOKUP_RATIO)
  }

  /** The form that node:net expects. */
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

  /** Connecting to these addresses failed: the host may have moved, so they are looked up again before their TTL ends. */
  expire(): void {
    const cached = this.#cached
    if (cached !== undefined)
      cached.freshUntilMs = Math.min(cached.freshUntilMs, cached.foundAtMs + SHORTEST_TTL_S * 1000)
  }

  #addresses(hostname: string): Promise<readonly Address[]> {
    const nowMs = this.#parts.clock.nowMs()
    const cached = this.#cached
    const isUsable = cached !== undefined && nowMs < cached.foundAtMs + LONGEST_STALE_MS
    if (isUsable && nowMs < cached.freshUntilMs) return Promise.resolve(cached.addresses)
    if (this.#failed !== undefined && nowMs < this.#failed.untilMs)
      return isUsable ? Promise.resolve(cached.addresses) : Promise.reject(this.#failed.error)
    this.#lookingUp ??= this.#lookUp(hostname).finally(() => (this.#lookingUp = undefined))
    return isUsable ? this.#orStale(this.#lookingUp, cached.addresses) : this.#lookingUp
  }

  async #lookUp(hostname: string): Promise<readonly Address[]> {
    const { clock } = this.#parts
    try {
      const { addresses, ttlSeconds } = await findAddresses(hostname, {
        ...this.#parts,
        limitMs: this.#limitMs,
      })
      const foundAtMs = clock.nowMs()
      const ttlMs = Math.min(LONGEST_TTL_S, Math.max(SHORTEST_TTL_S, ttlSeconds)) * 1000
      this.#cached = { addresses, foundAtMs, freshUntilMs: foundAtMs + ttlMs }
      this.#failed = undefined
      return addresses
    } catch (error) {
      const failure = error instanceof Error ? error : new NameUnresolved('UNKNOWN')
      this.#failed = { error: failure, untilMs: clock.nowMs() + FAILED_FOR_MS }
      throw error
    }
  }

  /** The new addresses if they come soon, else the stale ones; the lookup goes on. */
  async #orStale(
    lookingUp: Promise<readonly Address[]>,
    stale: readonly Address[],
  ): Promise<readonly Address[]> {
    let timer: Timer | undefined
    const waited = new Promise<readonly Address[]>((resolve) => {
      timer = this.#parts.clock.after(WAIT_WHILE_STALE_MS, () => resolve(stale))
    })
    try {
      return await Promise.race([lookingUp, waited])
    } catch {
      return stale
    } finally {
      timer?.clear()
    }
  }
}
