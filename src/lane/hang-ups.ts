/**
 * Decides whether a hang-up counts as an error of the tool. A hang-up costs the caller nothing and may come from
 * impatience, a changed mind or malice, so it counts only when all of these hold:
 *
 *     known       FEWEST_ANSWERS answers have been measured; before that the usual latency is unknown
 *     late        the call lasted longer than LATE_RATIO x p95 of the latest answers
 *     stuck       of the latest answers, fewer than OVERTAKERS are to calls sent after this one: a tool that answers
 *                 later calls is not slow
 *     own count   no hang-up of this agent has been counted for AGENT_EVERY_MS
 *
 * Memory: two numbers for each of ANSWERS answers, and at most AGENTS_KEPT agents. Pure. Units: milliseconds.
 */
import { percentile } from './sample.ts'

/** Latest answers that give the usual latency: enough for a p95, few enough to follow a tool that changes. */
const ANSWERS = 64
const FEWEST_ANSWERS = 8
/** Calls that last this many times the p95 are so rare that the laws tolerate them all being given up. */
const LATE_RATIO = 1.5
const OVERTAKERS = 8
/** Milliseconds. At two answers per second one agent stays below the tenth of the calls that the laws tolerate. */
const AGENT_EVERY_MS = 5000
/** Agents that are remembered. While all of them are recent, hang-ups of further agents do not count. */
const AGENTS_KEPT = 1024

export interface HangUp {
  /** How long the tool had the call before its caller left. */
  readonly waitedMs: number
  readonly sentAtMs: number
  /** Asked only when the other conditions hold, because naming an agent costs a hash. */
  readonly agentOf: () => string
}

export class HangUps {
  readonly #tookMs = new Float64Array(ANSWERS)
  readonly #sentAtMs = new Float64Array(ANSWERS)
  #answers = 0
  /** When the last hang-up of each agent was counted, oldest first. */
  readonly #countedAtMs = new Map<string, number>()

  /** The tool answered a call. */
  answered(tookMs: number, sentAtMs: number): void {
    const place = this.#answers++ % ANSWERS
    this.#tookMs[place] = tookMs
    this.#sentAtMs[place] = sentAtMs
  }

  /** True when the hang-up counts, which is then remembered for its agent. */
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
