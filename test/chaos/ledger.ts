/**
 * The ledger records each call as its caller and its tool saw it, matched by the call's id, and reports contradictions
 * between the two as violations. Memory grows with the number of calls; the run bounds that number.
 */

/** An excess of calls at a tool counts as a violation after this time. Before it, the end of a cut call may still be in transit. */
const SETTLE_MS = 1500

interface Sighting {
  /** How often the tool received the complete head of this call. */
  seen: number
}

export class Ledger {
  readonly violations: string[] = []
  readonly #sightings = new Map<string, Sighting>()
  readonly #promised = new Set<string>()
  readonly #counts = new Map<string, number>()
  readonly #active = new Map<string, Set<object>>()

  /** Number of events by kind, for the report. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts
  }

  count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1)
  }

  fail(what: string): void {
    // The first violations show the cause; thousands of repetitions would hide them.
    if (this.violations.length < 50) this.violations.push(what)
  }

  /**
   * The tool received the head of a call. Only an idempotent request may arrive again: each of its `tries` may be sent
   * once more after a lost connection.
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

  /** Marks a call as running at the tool until the returned function is called. */
  toolRuns(tool: string, limit: number): () => void {
    const active = this.#active.get(tool) ?? new Set()
    this.#active.set(tool, active)
    const call = {}
    active.add(call)
    if (active.size > limit) this.#watchExcess(tool, active, limit)
    return () => active.delete(call)
  }

  /** The caller of call `id` read this answer. */
  callerGot(id: string, { status, reason, notExecuted, echoed }: Answer): void {
    this.count(reason === undefined ? `answer ${status}` : `refused ${reason}`)
    if (echoed !== undefined && echoed !== id) this.fail(`${id} got the answer of ${echoed}`)
    if (notExecuted !== true) return
    this.#promised.add(id)
    if (this.#sightings.has(id))
      this.fail(`${id} was refused with ${String(reason)} and not_executed, but the tool saw it`)
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
  /** Present only in Spillway's own answers. */
  readonly reason?: string | undefined
  readonly notExecuted?: boolean | undefined
  /** The id that the tool wrote into its answer. */
  readonly echoed?: string | undefined
}
