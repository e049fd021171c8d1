/**
 * The callbacks that a decision of the lane leads to, in the order in which they were decided. The outermost call runs
 * them one after the other, so a callback that causes further ones makes the line longer and not the stack deeper.
 * Must not know what they do.
 */

/** Callbacks that have run are cut off the line once there are this many of them. */
const CUT_AT = 1024

export class Callbacks {
  readonly #failed: (error: unknown) => void
  #line: (() => void)[] = []
  /** Index of the callback that runs next. */
  #next = 0
  #isRunning = false

  /** `failed` is told what a callback threw; the callbacks after it run all the same. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed
  }

  push(callback: () => void): void {
    this.#line.push(callback)
  }

  /** Runs the whole line and what it adds to itself; does nothing within a callback, because the outer call goes on. */
  run(): void {
    if (this.#isRunning || this.#line.length === 0) return
    this.#isRunning = true
    try {
      while (this.#next < this.#line.length) this.try(this.#take())
      this.#line = []
      this.#next = 0
    } finally {
      this.#isRunning = false
    }
  }

  /** Runs one at once. */
  try(callback: () => void): void {
    try {
      callback()
    } catch (error) {
      this.#failed(error)
    }
  }

  #take(): () => void {
    if (this.#next === CUT_AT) {
      this.#line.splice(0, CUT_AT)
      this.#next = 0
    }
    return this.#line[this.#next++] as () => void
  }
}
