/**
 * A tool with a knee, as a model: calls share the tool's speed (processor sharing). Up to `knee.calls` at once each
 * call runs at full pace; beyond, the tool also loses speed to switching and swapping, so its throughput FALLS:
 *
 *     speed(n) = n                                          n <= k
 *     speed(n) = k / (1 + thrash * (n - k) / k)             n > k        pace of one call = speed(n) / n
 *
 * From three times the knee on, a share of the calls fails. Pure: time comes in as `nowMs`; work is measured in
 * milliseconds at full pace. Must not know of HTTP.
 */
export interface Knee {
  /** Calls that the tool serves at the same time without slowing down. */
  readonly calls: number
  /** `thrash` in the formula above: how much speed is lost for each further `calls` calls. */
  readonly thrash: number
}

/** Calls begin to fail when more of them run than this multiple of the knee. */
const FAILS_FROM_KNEES = 3
/** The share of calls that fail grows up to this multiple of the knee. */
const FAILS_MOST_AT_KNEES = 6
const HIGHEST_FAIL_RATIO = 0.5

/** Milliseconds of work that each call gets done in one millisecond. */
export function paceOf(active: number, knee: Knee): number {
  if (active <= knee.calls) return 1
  const excess = (active - knee.calls) / knee.calls
  return knee.calls / (1 + knee.thrash * excess) / active
}

/** Share 0..1 of the calls that fail when so many run at once. */
export function failRatioOf(active: number, knee: Knee): number {
  const past = (active / knee.calls - FAILS_FROM_KNEES) / (FAILS_MOST_AT_KNEES - FAILS_FROM_KNEES)
  return HIGHEST_FAIL_RATIO * Math.min(1, Math.max(0, past))
}

interface Job<T> {
  readonly what: T
  /** On the scale of `#doneMs`. */
  readonly endsAtDoneMs: number
}

/** The calls that run. All run at the same pace, so they end in the order of the work that each has left. */
export class SharedSpeed<T> {
  readonly #knee: Knee
  /** Sorted by their end. */
  readonly #jobs: Job<T>[] = []
  /** Milliseconds of work that a call which ran from the start would have done by now. */
  #doneMs = 0
  #atMs: number

  constructor(knee: Knee, nowMs: number) {
    this.#knee = knee
    this.#atMs = nowMs
  }

  get active(): number {
    return this.#jobs.length
  }

  /** Call `take` first, so that calls which have ended no longer slow the others. */
  begin(what: T, workMs: number, nowMs: number): void {
    this.#advance(nowMs)
    const endsAtDoneMs = this.#doneMs + workMs
    const place = this.#jobs.findIndex((job) => job.endsAtDoneMs > endsAtDoneMs)
    this.#jobs.splice(place === -1 ? this.#jobs.length : place, 0, { what, endsAtDoneMs })
  }

  /** Removes and returns the calls that have ended by now, in the order of their ends. */
  take(nowMs: number): T[] {
    const ended: T[] = []
    while (this.nextDueAtMs() <= nowMs) {
      this.#advance(this.nextDueAtMs())
      const job = this.#jobs.shift()
      if (job !== undefined) ended.push(job.what)
    }
    this.#advance(nowMs)
    return ended
  }

  /** Milliseconds: when the next call ends if no other begins; Infinity without calls. */
  nextDueAtMs(): number {
    const [next] = this.#jobs
    if (next === undefined) return Infinity
    return this.#atMs + Math.max(0, next.endsAtDoneMs - this.#doneMs) / paceOf(this.#jobs.length, this.#knee)
  }

  #advance(nowMs: number): void {
    const elapsedMs = Math.max(0, nowMs - this.#atMs)
    this.#doneMs += elapsedMs * paceOf(this.#jobs.length, this.#knee)
    this.#atMs += elapsedMs
  }
}
