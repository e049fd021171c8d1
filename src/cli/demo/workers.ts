/**
 * The agents' shared worker pool: a fixed number of calls at a time, to any tool, first come first served. The queue for a
 * worker has no bound, as in the programs that this demo stands for. Therefore one slow tool takes the workers away from
 * all other tools.
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

  /** A freed worker goes straight to the oldest waiting job, so that a new job cannot overtake it. */
  #release(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free++
    else next()
  }
}
