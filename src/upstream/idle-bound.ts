/**
 * How long a connection to one tool may have been idle and still be used. A tool that closes it in the moment in which a
 * request is written costs that request its answer, so the bound keeps its distance of what the tool says (Keep-Alive:
 * timeout=N) and of the shortest time after which it was seen to close. Pure; milliseconds.
 */

/** Where the tool says nothing (undici's default): Node's servers close after 5 s, many others after 15 s or more. */
const UNSAID_MS = 4000
/** A tool may say what it wants; for longer nothing is kept. */
const LONGEST_MS = 600_000
/** What is left of the tool's own time: it begins to count earlier, and its end is on the way for a while. */
const KEPT_RATIO = 0.75
/** No more than this is taken off what the tool said (undici's figure). */
const MOST_MARGIN_MS = 2000
/** A connection that was idle for so many times the learned time, and was not closed, shows that the tool waits longer. */
const OUTLIVED_RATIO = 1.1
/** How far that moves the learned time beyond what was seen. */
const GROWTH_RATIO = 1.5
/** For each connection that was not used for being too old, and was still open: 60 of them undo one early close. */
const RELAX_RATIO = 1.005

export class IdleBound {
  #said: string | undefined
  #saidMs: number | undefined
  #learnedMs: number | undefined

  /** A connection that was idle for longer is not used any more. */
  get ms(): number {
    return Math.min(this.#withoutLearning, (this.#learnedMs ?? Infinity) * KEPT_RATIO)
  }

  get #withoutLearning(): number {
    const saidMs = this.#saidMs
    return saidMs === undefined ? UNSAID_MS : saidMs - Math.min(MOST_MARGIN_MS, saidMs * (1 - KEPT_RATIO))
  }

  /** The Keep-Alive header of an answer. */
  said(value: string | undefined): void {
    if (value === this.#said) return
    this.#said = value
    const seconds = /(?:^|[,;\s])timeout\s*=\s*"?(\d{1,9})/i.exec(value ?? '')?.[1]
    this.#saidMs = seconds === undefined ? undefined : Math.min(Number(seconds) * 1000, LONGEST_MS)
  }

  /** The tool closed a connection that had been idle for so long. */
  closed(idleMs: number): void {
    this.#learnedMs = Math.min(this.#learnedMs ?? Infinity, Math.max(0, idleMs))
  }

  /** A connection that had been idle for so long, beyond the bound, was still open. */
  stillOpen(idleMs: number): void {
    if (this.#learnedMs === undefined) return
    this.#learnedMs =
      idleMs > this.#learnedMs * OUTLIVED_RATIO ? idleMs * GROWTH_RATIO : this.#learnedMs * RELAX_RATIO
    if (this.#learnedMs * KEPT_RATIO >= this.#withoutLearning) this.#learnedMs = undefined
  }
}
