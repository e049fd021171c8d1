/**
 * How many bytes of bodies are held for which server, and whether there is room for more. Two rules, both from what is
 * free after the bytes in question: no server may hold more than is then left for the others (the dynamic threshold of
 * Choudhury and Hahne, "Dynamic Queue Length Thresholds", 1998, with alpha = 1: one alone gets a half, two a third each), and
 * a body that is small beside a reserve finds a place there, for any server. Pure.
 */

/** Of all bytes, the part that only small bodies may use: an eighth. */
const RESERVE_SHARE = 1 / 8
/** A body is small while it is at most this part of what is free in the reserve: many more than one fit, always. */
const SMALL_SHARE = 1 / 256

/** Bytes of all bodies together, where memory is no question: 64 MiB. */
const MOST_HELD_BYTES = 67_108_864
/** Of the memory that the process may use, the part for them: of the sample's container, 32 of 256 MiB. */
const MEMORY_SHARE = 1 / 8
/** Below this a message of the usual bound (4 MiB) would not fit in one server's share. */
const LEAST_HELD_BYTES = 16_777_216

/** `memoryBytes`: what the process may use; 0 or enormous where nothing limits it. */
export function maxBodyMemoryBytes(memoryBytes: number): number {
  if (memoryBytes <= 0) return MOST_HELD_BYTES
  return Math.min(MOST_HELD_BYTES, Math.max(LEAST_HELD_BYTES, Math.floor(memoryBytes * MEMORY_SHARE)))
}

export interface Allocation {
  /** Whether it could be so many bytes. */
  readonly fits: (bytes: number) => boolean
  /** Makes it so many bytes, or returns false and changes nothing. Never after `release`. */
  readonly resize: (bytes: number) => boolean
  /** Idempotent. */
  readonly release: () => void
}

type Part = 'shared' | 'reserve'

/** What a server, or all of them, hold of each part. */
type Sums = Record<Part, number>

export class MessageMemory {
  /** In all. */
  readonly mostBytes: number
  readonly #mostShared: number
  readonly #mostReserve: number
  readonly #all: Sums = { shared: 0, reserve: 0 }
  /** Servers that hold something. */
  readonly #servers = new Map<string, Sums>()

  constructor(mostBytes: number) {
    this.mostBytes = mostBytes
    this.#mostReserve = Math.floor(mostBytes * RESERVE_SHARE)
    this.#mostShared = mostBytes - this.#mostReserve
  }

  /** The most that one server can hold of bodies that are not small. */
  get mostOfOneBytes(): number {
    return Math.floor(this.#mostShared / 2)
  }

  /** Held now; without a server, for all of them. */
  heldBytes(server?: string): number {
    const { shared, reserve } = server === undefined ? this.#all : this.#sumsOf(server)
    return shared + reserve
  }

  /** Servers that hold something. */
  get servers(): number {
    return this.#servers.size
  }

  /** For one body, of 0 bytes as yet. */
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
