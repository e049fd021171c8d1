/**
 * A FIFO of the callbacks that the lane's decisions cause. The outermost act runs them one after the other, so a callback
 * that causes further callbacks makes the FIFO longer and not the stack deeper. Must not know what they do.
 */

/** Callbacks that have run are removed from the array once there are this many of them. */
const CUT_AT = 1024

export class Callbacks {
  readonly #failed: (error: unknown) => void
  #fifo: (() => void)[] = []
  /** Index of the callback that runs next. */
  #next = 0
  #isRunning = false

  /** `failed` gets what a callback threw; the callbacks after it run nevertheless. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed
  }

  push(callback: () => void): void {
    this.#fifo.push(callback)
  }

  /** Runs all callbacks, including those that are added meanwhile. Within a callback it returns at once. */
  run(): void {
    if (this.#isRunning || this.#fifo.length === 0) return
    this.#isRunning = true
    try {
      while (this.#next < this.#fifo.length) this.try(this.#take())
      this.#fifo = []
      this.#next = 0
    } finally {
      this.#isRunning = false
    }
  }

  /** Runs one callback now; what it throws goes to `failed`. */
  try(callback: () => void): void {
    try {
      callback()
    } catch (error) {
      this.#failed(error)
    }
  }

  #take(): () => void {
    if (this.#next === CUT_AT) {
      this.#fifo.splice(0, CUT_AT)
      this.#next = 0
    }
    return this.#fifo[this.#next++] as () => void
  }
}
