/**
 * Counts the exchanges that are open, so that a shutdown knows when the last one is over. Decides nothing about when
 * to shut down.
 */
import type { Clock } from '../time/clock.ts'

export type DrainResult = 'finished' | 'ran out of time'

export class Drain {
  #open = 0
  #isDraining = false
  readonly #idle = Promise.withResolvers<undefined>()

  get isDraining(): boolean {
    return this.#isDraining
  }

  get open(): number {
    return this.#open
  }

  /** An exchange began. */
  enter(): void {
    this.#open++
  }

  /** An exchange is over; once for each `enter`. */
  leave(): void {
    this.#open--
    if (this.#isDraining && this.#open === 0) this.#idle.resolve(undefined)
  }

  /** From now on new work is refused; waits until nothing is open any more, at most `withinMs` milliseconds. */
  finish(withinMs: number, { after }: Pick<Clock, 'after'>): Promise<DrainResult> {
    return new Promise((resolve) => {
      const timer = after(withinMs, () => resolve('ran out of time'))
      // It never rejects.
      void this.start().then(() => {
        timer.clear()
        resolve('finished')
      })
    })
  }

  /** From now on new work is refused; resolves when nothing is open any more. */
  start(): Promise<void> {
    this.#isDraining = true
    if (this.#open === 0) this.#idle.resolve(undefined)
    return this.#idle.promise
  }
}
