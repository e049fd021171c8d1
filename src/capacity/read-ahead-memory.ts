/**
 * Decides whether more of a body may be read before its call asks its lane. Memory is bounded for each tool and for all
 * together. When it is used up, the body that has been arriving for longest gives way. So callers that stop before the end
 * of a body neither keep the memory nor force other calls into the lane without their bodies. Must not read bodies.
 */

/** The most that one tool's bodies may hold, as a share of all bytes, so that a busy tool leaves room for the others. */
export const TOOL_SHARE = 1 / 4
/** Bytes of each body that always have room, as much as a connection's buffers take. Most calls of agents are shorter. */
export const OWN_BYTES = 16_384
/** Milliseconds for which an arriving body need not give way. */
export const FRESH_MS = 1000

/** A body that is still arriving. */
export interface IncomingBody {
  readonly tool: string
  /** Milliseconds on the clock when the body began. */
  readonly sinceMs: number
  heldBytes: number
  /** Ends the body and frees its memory. */
  giveWay(): void
}

/** `later`: the other arriving bodies are too young to give way. `none`: complete bodies hold all the memory. */
export type BodySpace = 'room' | 'later' | 'none'

export class ReadAheadMemory {
  readonly #mostBytes: number
  #bytes = 0
  /** By the tool's configured name. */
  readonly #toolBytes = new Map<string, number>()
  /** The oldest first. */
  readonly #arriving = new Set<IncomingBody>()

  /** `mostBytes`: of all bodies together. */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  /** Bytes held now. */
  get bytes(): number {
    return this.#bytes
  }

  enter(body: IncomingBody): void {
    this.#arriving.add(body)
  }

  /** The body is complete, or was given up. Its bytes stay counted until they are given back with `hold`. */
  leave(body: IncomingBody): void {
    this.#arriving.delete(body)
  }

  /** Counts bytes that a body holds, also those above the bound, because they have been read; negative to give back. */
  hold(body: IncomingBody, bytes: number): void {
    body.heldBytes += bytes
    const toolBytes = (this.#toolBytes.get(body.tool) ?? 0) + bytes
    if (toolBytes === 0) this.#toolBytes.delete(body.tool)
    else this.#toolBytes.set(body.tool, toolBytes)
    this.#bytes += bytes
  }

  /** Whether more of this body may be read. Older bodies give way to it. */
  spaceFor(body: IncomingBody, nowMs: number): BodySpace {
    while (body.heldBytes > OWN_BYTES && this.#isUsedUp(body.tool)) {
      const oldest = this.#oldestBeside(body)
      if (oldest === undefined) return 'none'
      if (nowMs - oldest.sinceMs < FRESH_MS) return 'later'
      this.leave(oldest)
      oldest.giveWay()
    }
    return 'room'
  }

  #isUsedUp(tool: string): boolean {
    return this.#bytes > this.#mostBytes || this.#isShareUsedUp(tool)
  }

  #isShareUsedUp(tool: string): boolean {
    return (this.#toolBytes.get(tool) ?? 0) > this.#mostBytes * TOOL_SHARE
  }

  /** The oldest other body above its own bytes; if the tool's share is used up, of the same tool. */
  #oldestBeside(body: IncomingBody): IncomingBody | undefined {
    const isOwn = this.#isShareUsedUp(body.tool)
    for (const each of this.#arriving) {
      if (each !== body && each.heldBytes > OWN_BYTES && (!isOwn || each.tool === body.tool)) return each
    }
    return undefined
  }
}
