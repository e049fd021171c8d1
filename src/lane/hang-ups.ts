/**
 * Whether a caller who gave up says something about the tool. A hang-up costs its sender nothing and may come from
 * impatience, a changed mind or malice, so it counts as an error of the tool's only when all of this holds:
 *
 *     known       FEWEST_ANSWERS answers have been measured; before that nobody knows what is usual
 *     late        it waited longer than LATE_RATIO x p95 of the latest answers
 *     stuck       of the latest answers, fewer than OVERTAKERS are to calls sent after it: a tool that answers those
 *                 is not slow, whatever this one call is about
 *     own count   its agent has had none counted for AGENT_EVERY_MS
 *
 * Memory: two numbers for each of ANSWERS answers, and at most AGENTS_KEPT agents. Pure. Units: milliseconds.
 */
import { percentile } from './sample.ts'

/** Answers that say what is usual: enough for a p95, few enough to follow a tool that changes. */
const ANSWERS = 64
const FEWEST_ANSWERS = 8
/** Calls that last this many times the p95 are too rare to matter, also where every one of them is given up. */
const LATE_RATIO = 1.5
const OVERTAKERS = 8
/** Milliseconds: one agent alone stays below a tenth of the calls, which the laws tolerate, at two answers a second. */
const AGENT_EVERY_MS = 5000
/** Agents whose latest count is remembered. While all of them are recent, no further agent is believed. */
const AGENTS_KEPT = 1024

export interface HangUp {
  /** How long the tool had the call before its caller left. */
  readonly waitedMs: number
  readonly sentAtMs: number
  /** Asked only when the rest says that the hang-up counts: to name an agent costs a hash. */
  readonly agentOf: () => string
}

export class HangUps {
  readonly #tookMs = new Float64Array(ANSWERS)
  readonly #sentAtMs = new Float64Array(ANSWERS)
  #answers = 0
  /** When a hang-up of each agent counted last, the oldest first. */
  readonly #countedAtMs = new Map<string, number>()

  /** The tool answered a call. */
  answered(tookMs: number, sentAtMs: number): void {
    const place = this.#answers++ % ANSWERS
    this.#tookMs[place] = tookMs
    this.#sentAtMs[place] = sentAtMs
  }

  /** True when it counts; the agent then has had its turn. */
  take({ waitedMs, sentAtMs, agentOf }: HangUp, nowMs: number): boolean {
    return this.#isLate(waitedMs) && !this.#isOvertaken(sentAtMs) && this.#takeTurn(agentOf(), nowMs)
  }

  #kept(of: Float64Array): Float64Array {
    return of.subarray(0, Math.min(this.#answers, ANSWERS))
  }

  #isLate(waitedMs: number): boolean {
    if (this.#answers < FEWEST_ANSWERS) return false
    return waitedMs > LATE_RATIO * (percentile(this.#kept(this.#tookMs), 0.95) ?? Infinity)
  }

  #isOvertaken(sentAtMs: number): boolean {
    return this.#kept(this.#sentAtMs).filter((each) => each > sentAtMs).length >= OVERTAKERS
  }

  #takeTurn(agent: string, nowMs: number): boolean {
    for (const [each, atMs] of this.#countedAtMs) {
      if (nowMs - atMs < AGENT_EVERY_MS) break
      this.#countedAtMs.delete(each)
    }
    if (this.#countedAtMs.has(agent) || this.#countedAtMs.size >= AGENTS_KEPT) return false
    this.#countedAtMs.set(agent, nowMs)
    return true
  }
}
