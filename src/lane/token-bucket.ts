/**
 * The call rate: a bucket of `burst` tokens that fills at calls / perMs. Each call takes a token when it starts. A ticket
 * that was admitted under a higher rate may take one that is missing; the level is then below 0, a debt. Pure; the level
 * is computed when it is read. Units: milliseconds and tokens.
 */

export interface RateSettings {
  readonly calls: number
  /** Milliseconds in which `calls` calls may start. */
  readonly perMs: number
  /** Calls that may start at once after a quiet time. */
  readonly burst: number
}

/** Tokens: rounding errors of sums are smaller than this. */
const NEARLY = 1e-6

export class TokenBucket {
  #rate: RateSettings | undefined
  #level: number
  #atMs: number

  /** Begins full. Without a rate there is always a token. */
  constructor(rate: RateSettings | undefined, nowMs: number) {
    this.#rate = rate
    this.#level = rate?.burst ?? Infinity
    this.#atMs = nowMs
  }

  /** An unchanged rate keeps its level, debts included; another one begins with a full bucket. */
  reconfigure(rate: RateSettings | undefined, nowMs: number): void {
    if (JSON.stringify(rate) === JSON.stringify(this.#rate)) return
    this.#rate = rate
    this.#level = rate?.burst ?? Infinity
    this.#atMs = nowMs
  }

  /** Milliseconds between two tokens; 0 without a rate. */
  get perTokenMs(): number {
    return this.#rate === undefined ? 0 : this.#rate.perMs / this.#rate.calls
  }

  has(tokens: number, nowMs: number): boolean {
    return this.#levelAt(nowMs) >= tokens - NEARLY
  }

  /** Milliseconds on the clock: when there are so many tokens. */
  readyAtMs(tokens: number, nowMs: number): number {
    const missing = tokens - this.#levelAt(nowMs)
    return missing <= NEARLY ? nowMs : nowMs + missing * this.perTokenMs
  }

  take(nowMs: number): void {
    this.#level = this.#levelAt(nowMs) - 1
    this.#atMs = nowMs
  }

  #levelAt(nowMs: number): number {
    if (this.#rate === undefined) return Infinity
    return Math.min(this.#rate.burst, this.#level + (nowMs - this.#atMs) / this.perTokenMs)
  }
}
