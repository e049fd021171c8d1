/**
 * How long a connection to one tool may be idle and still be used. A request gets no answer if the tool closes the
 * connection at the moment of writing. The timeout is therefore shorter than the one the tool announces (Keep-Alive:
 * timeout=N) and than the shortest idle time after which the tool was seen to close. Pure; milliseconds.
 */

/** If the tool announces nothing (undici's default): Node's servers close after 5 s, many others after 15 s or more. */
const UNSAID_MS = 4000
/** The longest announced timeout that counts. */
const LONGEST_MS = 600_000
/** Part of the tool's timeout that is used: the tool starts counting earlier, and its FIN takes time to arrive. */
const KEPT_RATIO = 0.75
/** The announced timeout is shortened by at most this (undici's figure). */
const MOST_MARGIN_MS = 2000
/** A connection open after this many times the learned time shows that the tool's timeout is longer. */
const OUTLIVED_RATIO = 1.1
/** The learned time then becomes this many times the observed idle time. */
const GROWTH_RATIO = 1.5
/** Growth of the learned time for each unused connection that was still open: 60 of them undo one early close. */
const RELAX_RATIO = 1.005

export class IdleTimeout {
  #said: string | undefined
  #saidMs: number | undefined
  #learnedMs: number | undefined

  /** A connection that was idle for longer is not used. */
  get ms(): number {
    return Math.min(this.#withoutLearning, (this.#learnedMs ?? Infinity) * KEPT_RATIO)
  }

  get #withoutLearning(): number {
    const saidMs = this.#saidMs
    return saidMs === undefined ? UNSAID_MS : saidMs - Math.min(MOST_MARGIN_MS, saidMs * (1 - KEPT_RATIO))
  }

  /** The Keep-Alive header of an answer. */
  announced(value: string | undefined): void {
    if (value === this.#said) return
    this.#said = value
    const seconds = /(?:^|[,;\s])timeout\s*=\s*"?(\d{1,9})/i.exec(value ?? '')?.[1]
    this.#saidMs = seconds === undefined ? undefined : Math.min(Number(seconds) * 1000, LONGEST_MS)
  }

  /** The tool closed a connection after this idle time. */
  observedClose(idleMs: number): void {
    this.#learnedMs = Math.min(this.#learnedMs ?? Infinity, Math.max(0, idleMs))
  }

  /** A connection was still open after this idle time, which is longer than the timeout. */
  observedOpen(idleMs: number): void {
    if (this.#learnedMs === undefined) return
    this.#learnedMs =
      idleMs > this.#learnedMs * OUTLIVED_RATIO ? idleMs * GROWTH_RATIO : this.#learnedMs * RELAX_RATIO
    if (this.#learnedMs * KEPT_RATIO >= this.#withoutLearning) this.#learnedMs = undefined
  }
}
