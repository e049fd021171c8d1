/**
 * The agents' shared worker pool: so many calls at a time, for whichever tool, first come first served. The line in
 * front of it has no bound, as in the programs this demo stands for: that is how one slow tool takes the workers away
 * from all others.
 */
export class Workers {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(count: number) {
    this.#free = count
  }

  /** Runs `job` as soon as a worker is free. */
  async run<T>(job: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await job()
    } finally {
      this.#release()
    }
  }

  /** A freed worker is handed over: who comes later cannot overtake. */
  #release(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free++
    else next()
  }
}
