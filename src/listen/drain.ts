/**
 * Counts the exchanges that are open, so that a shutdown knows when the last one is over. Decides nothing about when
 * to shut down.
 */
export class Drain {
  #open = 0
  #isDraining = false
  #whenIdle: (() => void) | undefined

  get isDraining(): boolean {
    return this.#isDraining
  }

  get open(): number {
    return this.#open
  }

  /** An exchange began; the result ends it, and may be called again. */
  enter(): () => void {
    this.#open++
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      this.#open--
      if (this.#open === 0) this.#whenIdle?.()
    }
  }

  /** From now on new work is refused; resolves when nothing is open any more. */
  start(): Promise<void> {
    this.#isDraining = true
    return new Promise((resolve) => {
      this.#whenIdle = resolve
      if (this.#open === 0) resolve()
    })
  }
}
