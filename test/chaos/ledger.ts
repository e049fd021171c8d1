/**
 * What happened to every call, as its caller and its tool saw it, and what must never be true of the two together. Ids
 * make a call known on both sides. Holds the calls of one run: the run bounds their number.
 */

/** Milliseconds after which a tool that sees one call too many is believed: until then the end of a cut call may be on its way. */
const SETTLE_MS = 1500

interface Sighting {
  /** How often the tool got the whole head of this call. */
  seen: number
}

export class Ledger {
  readonly violations: string[] = []
  readonly #sightings = new Map<string, Sighting>()
  readonly #promised = new Set<string>()
  readonly #counts = new Map<string, number>()
  readonly #active = new Map<string, Set<object>>()

  /** How often each kind of thing happened, for the report. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts
  }

  count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1)
  }

  fail(what: string): void {
    // The first say what is wrong; thousands of the same would bury them.
    if (this.violations.length < 50) this.violations.push(what)
  }

  /**
   * The tool has the head of a call. Only an idempotent request may come again: once after a lost connection, for each
   * of its `tries`.
   */
  toolSaw(id: string, method: string, tries: number): void {
    const sighting = this.#sightings.get(id) ?? { seen: 0 }
    this.#sightings.set(id, sighting)
    sighting.seen++
    if (this.#promised.has(id)) this.fail(`${id} reached the tool after its caller was told that it did not`)
    if (method === 'POST' && sighting.seen > 1)
      this.fail(`${id}, a POST, reached the tool ${sighting.seen} times`)
    if (sighting.seen > 2 * tries) this.fail(`${id} reached the tool ${sighting.seen} times`)
  }

  /** A call runs at the tool, until the function that is given back is called. */
  toolRuns(tool: string, limit: number): () => void {
    const active = this.#active.get(tool) ?? new Set()
    this.#active.set(tool, active)
    const call = {}
    active.add(call)
    if (active.size > limit) this.#watchExcess(tool, active, limit)
    return () => active.delete(call)
  }

  /** What the caller read as the answer to its call `id`. */
  callerGot(id: string, { status, reason, notExecuted, echoed }: Answer): void {
    this.count(reason === undefined ? `answer ${status}` : `refused ${reason}`)
    if (echoed !== undefined && echoed !== id) this.fail(`${id} got the answer of ${echoed}`)
    if (notExecuted !== true) return
    this.#promised.add(id)
    if (this.#sightings.has(id))
      this.fail(`${id} was told ${String(reason)}, not executed, but the tool saw it`)
  }

  #watchExcess(tool: string, active: Set<object>, limit: number): void {
    const suspects = new Set(active)
    setTimeout(() => {
      const left = [...suspects].filter((call) => active.has(call)).length
      if (left > limit)
        this.fail(`${tool} ran ${left} calls at once for ${SETTLE_MS} ms, its limit is ${limit}`)
    }, SETTLE_MS)
  }
}

export interface Answer {
  readonly status: number
  /** Of Spillway's own answers. */
  readonly reason?: string | undefined
  readonly notExecuted?: boolean | undefined
  /** The id that the tool wrote into its answer. */
  readonly echoed?: string | undefined
}
