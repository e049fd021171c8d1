/**
 * Latencies and errors of a stretch of time, in bounded memory. Percentiles are exact up to CAPACITY samples. Beyond that
 * every second sample is kept, then every fourth and so on, which thins evenly over time without random numbers.
 */

/** 512 doubles are 4 KiB; at least 13 of 256 to 512 kept samples lie above the 95th percentile. */
const CAPACITY = 512

export class LatencySample {
  readonly #kept = new Float64Array(CAPACITY)
  #size = 0
  #stride = 1
  #seen = 0

  /** How many values were recorded since the last reset. */
  get count(): number {
    return this.#seen
  }

  record(valueMs: number): void {
    if (this.#seen++ % this.#stride !== 0) return
    // CAPACITY is a power of two, so the value that finds the sample full is kept under the doubled stride, too.
    if (this.#size === CAPACITY) this.#thin()
    this.#kept[this.#size++] = valueMs
  }

  reset(): void {
    this.#size = 0
    this.#stride = 1
    this.#seen = 0
  }

  /** The kept values, in the order of recording. */
  values(): Float64Array {
    return this.#kept.subarray(0, this.#size)
  }

  #thin(): void {
    for (let i = 0; i < CAPACITY / 2; i++) this.#kept[i] = this.#kept[2 * i] as number
    this.#size = CAPACITY / 2
    this.#stride *= 2
  }
}

/**
 * Nearest-rank percentile of the values (any order; not changed), `ratio` in 0..1; undefined without values.
 * Nearest rank: the smallest value with at least `ratio` of all values at or below it.
 */
export function percentile(values: Float64Array, ratio: number): number | undefined {
  if (values.length === 0) return undefined
  const sorted = values.slice().sort()
  return sorted[Math.max(0, Math.ceil(ratio * sorted.length) - 1)]
}

/** Milliseconds. Recent figures cover the last one to two of these. */
const SPAN_MS = 10_000

interface Half {
  readonly latency: LatencySample
  calls: number
  dropped: number
}

const newHalf = (): Half => ({ latency: new LatencySample(), calls: 0, dropped: 0 })

function clear(half: Half): void {
  half.latency.reset()
  half.calls = 0
  half.dropped = 0
}

/** The figures that operators see as "now": those of the last 10 to 20 seconds, in two halves. */
export class RecentCalls {
  #current = newHalf()
  #previous = newHalf()
  #startedAtMs: number

  constructor(nowMs: number) {
    this.#startedAtMs = nowMs
  }

  record(dropped: boolean, latencyMs: number | undefined, nowMs: number): void {
    this.#turn(nowMs)
    this.#current.calls++
    if (dropped) this.#current.dropped++
    if (latencyMs !== undefined) this.#current.latency.record(latencyMs)
  }

  /** Milliseconds; undefined without a measured call in the last 10 to 20 seconds. */
  p95Ms(nowMs: number): number | undefined {
    this.#turn(nowMs)
    const joined = new Float64Array([...this.#previous.latency.values(), ...this.#current.latency.values()])
    return percentile(joined, 0.95)
  }

  /** Share 0..1 of calls that the tool dropped; 0 without calls. */
  errorRate(nowMs: number): number {
    this.#turn(nowMs)
    const calls = this.#previous.calls + this.#current.calls
    return calls === 0 ? 0 : (this.#previous.dropped + this.#current.dropped) / calls
  }

  figures(nowMs: number) {
    return { p95Ms: this.p95Ms(nowMs), errorRate: this.errorRate(nowMs) }
  }

  #turn(nowMs: number): void {
    const elapsedMs = nowMs - this.#startedAtMs
    if (elapsedMs < SPAN_MS) return
    ;[this.#current, this.#previous] = [this.#previous, this.#current]
    clear(this.#current)
    if (elapsedMs >= 2 * SPAN_MS) clear(this.#previous)
    this.#startedAtMs += SPAN_MS * Math.floor(elapsedMs / SPAN_MS)
  }
}
