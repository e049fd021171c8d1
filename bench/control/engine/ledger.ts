/**
 * Counts what happens while a scenario runs; figures that change over time are in bins of half a second. Decides nothing.
 * Units: milliseconds and calls.
 */
export const BIN_MS = 500

export interface Bin {
  /** Requests answered in time. */
  good: number
  limit: number
  /** Leases held at the end of the bin, and calls inside the tool. */
  active: number
  inTool: number
  /** Latencies of the calls that the tool answered in the bin; empty unless traced. */
  readonly latenciesMs: number[]
}

export class Ledger {
  requests = 0
  attempts = 0
  refusals = 0
  refusalWaitMs = 0
  goods = 0
  readonly bins: Bin[] = []
  readonly #keepsLatencies: boolean
  #latencies = new Float64Array(4096)
  #answers = 0
  #bin: Bin = newBin()

  constructor(keepsLatencies: boolean) {
    this.#keepsLatencies = keepsLatencies
  }

  /** Milliseconds in the tool of every call it answered well, ascending. */
  latencies(): Float64Array {
    return this.#latencies.slice(0, this.#answers).sort()
  }

  request(): void {
    this.requests++
  }

  attempt(): void {
    this.attempts++
  }

  refused(waitedMs: number): void {
    this.refusals++
    this.refusalWaitMs += waitedMs
  }

  good(): void {
    this.goods++
    this.#bin.good++
  }

  answered(latencyMs: number): void {
    if (this.#answers === this.#latencies.length) {
      const grown = new Float64Array(2 * this.#answers)
      grown.set(this.#latencies)
      this.#latencies = grown
    }
    this.#latencies[this.#answers++] = latencyMs
    if (this.#keepsLatencies) this.#bin.latenciesMs.push(latencyMs)
  }

  closeBin(now: Pick<Bin, 'limit' | 'active' | 'inTool'>): void {
    this.bins.push(Object.assign(this.#bin, now))
    this.#bin = newBin()
  }
}

function newBin(): Bin {
  return { good: 0, limit: 0, active: 0, inTool: 0, latenciesMs: [] }
}
