/**
 * The latest calls of a lane in the order in which they were sent, each with its outcome. Cohorts are taken by time of
 * sending, because the order of ending would favour short calls. Bounded: 512 calls, or four times the most that ever
 * ran at once, at 25 bytes each. Knows no law. Units: milliseconds.
 */
import { readCohort } from './cohort.ts'
import type { Reading } from './cohort.ts'
import type { SentCall } from './limiter.ts'

/** `excluded`: says nothing about latency (the tool pushed back). */
export type Fate = 'answered' | 'unanswered' | 'excluded'

const RUNNING = 0
const ANSWERED = 1
const UNANSWERED = 2
const EXCLUDED = 3
const CODES: Readonly<Record<Fate, number>> = {
  answered: ANSWERED,
  unanswered: UNANSWERED,
  excluded: EXCLUDED,
}
const FEWEST_KEPT = 512

export class CallLog {
  #size = FEWEST_KEPT
  #sentAtMs = new Float64Array(FEWEST_KEPT)
  /** How long each call took, once it has ended. */
  #tookMs = new Float64Array(FEWEST_KEPT)
  #fates = new Uint8Array(FEWEST_KEPT)
  #calls: (SentCall | undefined)[] = Array<SentCall | undefined>(FEWEST_KEPT).fill(undefined)
  /** Number of the next call; a call's place is its number modulo the size. */
  #next = 0
  readonly #running = new Map<SentCall, number>()

  get active(): number {
    return this.#running.size
  }

  /** Share of the running calls that wait for the tool; the answers of the others are being read. */
  inToolRatio(): number {
    let inTool = 0
    for (const call of this.#running.keys()) if (call.answeredAfterMs === undefined) inTool++
    return this.#running.size === 0 ? 1 : inTool / this.#running.size
  }

  sent(call: SentCall): void {
    if (2 * this.#running.size >= this.#size) this.#grow()
    const place = this.#next % this.#size
    const before = this.#calls[place]
    if (before !== undefined) this.#running.delete(before)
    this.#sentAtMs[place] = call.grantedAtMs
    this.#fates[place] = RUNNING
    this.#calls[place] = call
    this.#running.set(call, this.#next++)
  }

  /** False when the call is unknown, because it was sent before the log began or too long ago. */
  ended(call: SentCall, fate: Fate, tookMs: number): boolean {
    const number = this.#running.get(call)
    if (number === undefined) return false
    this.#running.delete(call)
    const place = number % this.#size
    this.#calls[place] = undefined
    this.#fates[place] = CODES[fate]
    this.#tookMs[place] = tookMs
    return true
  }

  /** The last `count` calls that were sent from `fromMs` on and not after `untilMs`. */
  read(count: number, sent: { readonly fromMs: number; readonly untilMs: number }, nowMs: number): Reading {
    const answeredMs = new Float64Array(count)
    const openMs = new Float64Array(count)
    let [answered, open] = [0, 0]
    const oldest = Math.max(0, this.#next - this.#size)
    for (let number = this.#next - 1; number >= oldest && answered + open < count; number--) {
      const place = number % this.#size
      const sentAtMs = this.#sentAtMs[place] as number
      if (sentAtMs < sent.fromMs) break
      const fate = this.#fates[place]
      if (sentAtMs > sent.untilMs || fate === EXCLUDED) continue
      const answeredAfterMs = fate === ANSWERED ? this.#tookMs[place] : this.#calls[place]?.answeredAfterMs
      if (answeredAfterMs !== undefined) answeredMs[answered++] = answeredAfterMs
      else openMs[open++] = fate === RUNNING ? nowMs - sentAtMs : (this.#tookMs[place] as number)
    }
    return readCohort(answeredMs.subarray(0, answered), openMs.subarray(0, open))
  }

  /** How many calls were sent from `fromMs` on, as far as they are kept and at most `most`. */
  countSince(fromMs: number, most: number): number {
    const oldest = Math.max(0, this.#next - this.#size, this.#next - most)
    let number = this.#next
    while (number > oldest && (this.#sentAtMs[(number - 1) % this.#size] as number) >= fromMs) number--
    return this.#next - number
  }

  #grow(): void {
    const grown = 2 * this.#size
    const before = [this.#sentAtMs, this.#tookMs, this.#fates] as const
    const after = [new Float64Array(grown), new Float64Array(grown), new Uint8Array(grown)] as const
    const calls = Array<SentCall | undefined>(grown).fill(undefined)
    for (let number = Math.max(0, this.#next - this.#size); number < this.#next; number++) {
      const [from, to] = [number % this.#size, number % grown]
      for (const [index, column] of after.entries()) column[to] = before[index]?.[from] ?? 0
      calls[to] = this.#calls[from]
    }
    this.#size = grown
    ;[this.#sentAtMs, this.#tookMs, this.#fates] = after
    this.#calls = calls
  }
}
