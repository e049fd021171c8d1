/**
 * Decides whether a body may take more memory, and counts the bytes that each server's bodies hold. No server may hold more
 * than would then be free for the others (the dynamic threshold of Choudhury and Hahne, "Dynamic Queue Length Thresholds",
 * 1998, with alpha = 1: one server alone gets a half, two get a third each). A body that is small compared with the free
 * reserve finds room in the reserve, for any server. Pure.
 */

/** The reserve, as a share of all bytes. Only small bodies may use it. */
const RESERVE_SHARE = 1 / 8
/** A body is small up to this share of the free reserve, so that there is always room for many of them. */
const SMALL_SHARE = 1 / 256

/** Bytes of all bodies together, at most: 64 MiB. */
const MOST_HELD_BYTES = 67_108_864
/** Bodies, as a share of the memory that the process may use: 32 MiB in a container of 256 MiB. */
const MEMORY_SHARE = 1 / 8
/** Bytes: with less, a message of the default bound (4 MiB) would not fit into the share of one server. */
const LEAST_HELD_BYTES = 16_777_216

/** `memoryBytes`: the memory that the process may use; 0 or a very large number if there is no limit. */
export function maxBodyMemoryBytes(memoryBytes: number): number {
  if (memoryBytes <= 0) return MOST_HELD_BYTES
  return Math.min(MOST_HELD_BYTES, Math.max(LEAST_HELD_BYTES, Math.floor(memoryBytes * MEMORY_SHARE)))
}

export interface Allocation {
  /** Whether `resize` to this many bytes would succeed. */
  readonly fits: (bytes: number) => boolean
  /** Changes the allocation to this many bytes; if there is no room, or after `release`, returns false and changes nothing. */
  readonly resize: (bytes: number) => boolean
  /** Idempotent. */
  readonly release: () => void
}

type Part = 'shared' | 'reserve'

/** Bytes held in each part, by one server or by all. */
type Sums = Record<Part, number>

export class MessageMemory {
  /** Bytes of both parts together. */
  readonly mostBytes: number
  readonly #mostShared: number
  readonly #mostReserve: number
  readonly #all: Sums = { shared: 0, reserve: 0 }
  /** The servers that hold bytes. */
  readonly #servers = new Map<string, Sums>()

  constructor(mostBytes: number) {
    this.mostBytes = mostBytes
    this.#mostReserve = Math.floor(mostBytes * RESERVE_SHARE)
    this.#mostShared = mostBytes - this.#mostReserve
  }

  /** Bytes that one server can hold at most, apart from small bodies. */
  get mostOfOneBytes(): number {
    return Math.floor(this.#mostShared / 2)
  }

  /** Bytes that a server holds now; without `server`, of all servers. */
  heldBytes(server?: string): number {
    const { shared, reserve } = server === undefined ? this.#all : this.#sumsOf(server)
    return shared + reserve
  }

  /** The number of servers that hold bytes. */
  get servers(): number {
    return this.#servers.size
  }

  /** Begins an allocation of 0 bytes, for one body. */
  allocate(server: string): Allocation {
    let held: { readonly part: Part; readonly bytes: number } = { part: 'shared', bytes: 0 }
    let isReleased = false
    const move = (part: Part, bytes: number): void => {
      this.#add(server, held.part, -held.bytes)
      held = { part, bytes }
      this.#add(server, part, bytes)
    }
    return {
      fits: (bytes) => this.#placeFor(server, bytes, held) !== undefined,
      resize: (bytes) => {
        const part = isReleased ? undefined : this.#placeFor(server, bytes, held)
        if (part === undefined) return false
        move(part, bytes)
        return true
      },
      release: () => {
        isReleased = true
        move('shared', 0)
      },
    }
  }

  #placeFor(
    server: string,
    bytes: number,
    { part, bytes: own }: { part: Part; bytes: number },
  ): Part | undefined {
    if (bytes <= own) return part
    const without = (sums: Sums, each: Part): number => sums[each] - (each === part ? own : 0)
    const free = this.#mostShared - without(this.#all, 'shared') - bytes
    if (without(this.#sumsOf(server), 'shared') + bytes <= free) return 'shared'
    const freeReserve = this.#mostReserve - without(this.#all, 'reserve')
    return bytes <= freeReserve * SMALL_SHARE ? 'reserve' : undefined
  }

  #sumsOf(server: string): Sums {
    return this.#servers.get(server) ?? { shared: 0, reserve: 0 }
  }

  #add(server: string, part: Part, bytes: number): void {
    const sums = this.#sumsOf(server)
    sums[part] += bytes
    this.#all[part] += bytes
    if (sums.shared + sums.reserve === 0) this.#servers.delete(server)
    else this.#servers.set(server, sums)
  }
}
