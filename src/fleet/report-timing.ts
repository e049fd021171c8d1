/**
 * When a sidecar sends its next report about one tool, whatever it has to say. Pure.
 *
 *     renewal    a third of the TTL after the last report was sent, so that two can be lost before the session ends
 *     retry      after a report that failed: 50 ms, doubled each time up to 1 s, times 0.5..1; nothing is sent before it
 *     look again while calls wait: 1 to 2 s after the last report, because news can be lost
 *     opening    while slots are wanted: when the store gives slots again, or the next session of another sidecar ends
 *
 * Must not know what a report says (held-slots.ts), nor what a lane may run (membership.ts).
 */
import type { Allotment } from './store.ts'

const LOOK_AGAIN_MS = 1000
const FIRST_RETRY_MS = 50
const LONGEST_RETRY_MS = 1000
/** All sidecars that wait would ask in the same moment: each adds up to so many milliseconds. */
const OPENING_SPREAD_MS = 5

export interface Need {
  /** Calls wait in the lane's queue. */
  readonly callsWait: boolean
  /** Further slots are wanted. */
  readonly wantsSlots: boolean
}

export class ReportTiming {
  readonly #ttlMs: number
  /** Random: 0 <= n < 1. */
  readonly #random: () => number
  #sentAtMs = -Infinity
  #lookAgainAtMs = Infinity
  #openingAtMs = Infinity
  #failures = 0
  #retryAtMs = -Infinity
  #failingSinceMs: number
  #lagMs = 0

  constructor(ttlMs: number, random: () => number, nowMs: number) {
    this.#ttlMs = ttlMs
    this.#random = random
    this.#failingSinceMs = nowMs
  }

  /** When the first of the reports that nobody answered was sent; Infinity while the store answers. */
  get failingSinceMs(): number {
    return this.#failingSinceMs
  }

  /** Milliseconds by which the last late renewal was late: a busy event loop. */
  get lagMs(): number {
    return this.#lagMs
  }

  /** `hasNews`: the report would say something that the store does not know. */
  isDue(hasNews: boolean, need: Need, nowMs: number): boolean {
    return nowMs >= (hasNews ? this.#retryAtMs : this.dueAtMs(need))
  }

  /** When a report is due that has nothing new to say. */
  dueAtMs({ callsWait, wantsSlots }: Need): number {
    const firstAtMs = Math.min(
      this.#renewAtMs(),
      this.#failures > 0 ? this.#retryAtMs : Infinity,
      callsWait ? this.#lookAgainAtMs : Infinity,
      wantsSlots ? this.#openingAtMs : Infinity,
    )
    return Math.max(this.#retryAtMs, firstAtMs)
  }

  /** Calls wait: the store is asked again after a while. */
  callsWait(nowMs: number): void {
    if (this.#lookAgainAtMs === Infinity) this.#lookAgainAtMs = nowMs + LOOK_AGAIN_MS * (1 + this.#random())
  }

  sent(nowMs: number): void {
    if (Number.isFinite(this.#sentAtMs) && nowMs > this.#renewAtMs()) this.#lagMs = nowMs - this.#renewAtMs()
    this.#sentAtMs = nowMs
    this.#lookAgainAtMs = Infinity
    this.#openingAtMs = Infinity
  }

  answered({ pausedMs, nextEndMs }: Pick<Allotment, 'pausedMs' | 'nextEndMs'>, nowMs: number): void {
    this.#failures = 0
    this.#failingSinceMs = Infinity
    this.#retryAtMs = -Infinity
    const waitMs = pausedMs > 0 ? pausedMs : nextEndMs > 0 ? nextEndMs : Infinity
    this.#openingAtMs = nowMs + waitMs + 1 + this.#random() * OPENING_SPREAD_MS
  }

  failed(sentAtMs: number, nowMs: number): void {
    this.#failingSinceMs = Math.min(this.#failingSinceMs, sentAtMs)
    const backoffMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures++)
    this.#retryAtMs = nowMs + backoffMs * (0.5 + this.#random() / 2)
  }

  #renewAtMs(): number {
    return this.#sentAtMs + this.#ttlMs / 3
  }
}
