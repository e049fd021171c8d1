/**
 * Memory for the bodies that are read before their calls have a place: bounded for each tool and for all together. Where
 * it is used up, the body that has been coming for longest gives way, so that callers who stop before the end neither pin
 * it nor drive others into the lane without their bodies. Must not know what a body is.
 */

/** Of all bytes that are read ahead or wait with their calls, the part for one tool: a busy one leaves room for the others. */
export const TOOL_SHARE = 1 / 4
/** Bytes of a body that always have room, as a connection's buffers do: most calls of agents are shorter. */
export const OWN_BYTES = 16_384
/** Milliseconds in which a body may come before others have a better right to its memory. */
export const FRESH_MS = 1000

/** A body that has not come whole. */
export interface IncomingBody {
  readonly tool: string
  /** Milliseconds on the clock when it began. */
  readonly sinceMs: number
  heldBytes: number
  /** Ends it, and gives back what it holds. */
  giveWay(): void
}

/** `later`: the others have not been coming for long. `none`: all of it is held by bodies that are here. */
export type BodySpace = 'room' | 'later' | 'none'

export class ReadAheadMemory {
  readonly #mostBytes: number
  #bytes = 0
  /** Keyed by configured names. */
  readonly #toolBytes = new Map<string, number>()
  /** The oldest first. */
  readonly #coming = new Set<IncomingBody>()

  /** `mostBytes`: of all bodies together. */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  /** Bytes held now. */
  get bytes(): number {
    return this.#bytes
  }

  enter(body: IncomingBody): void {
    this.#coming.add(body)
  }

  /** It came, or will not. What it holds stays counted until it is given back. */
  leave(body: IncomingBody): void {
    this.#coming.delete(body)
  }

  /** Counts also what is too much, because it is there. */
  hold(body: IncomingBody, bytes: number): void {
    body.heldBytes += bytes
    const toolBytes = (this.#toolBytes.get(body.tool) ?? 0) + bytes
    if (toolBytes === 0) this.#toolBytes.delete(body.tool)
    else this.#toolBytes.set(body.tool, toolBytes)
    this.#bytes += bytes
  }

  /** Whether more of this body may be read, for which older ones give way. */
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

  /** Of its own tool where that has used up its share, and only one that holds what others lack. */
  #oldestBeside(body: IncomingBody): IncomingBody | undefined {
    const isOwn = this.#isShareUsedUp(body.tool)
    for (const each of this.#coming) {
      if (each !== body && each.heldBytes > OWN_BYTES && (!isOwn || each.tool === body.tool)) return each
    }
    return undefined
  }
}
