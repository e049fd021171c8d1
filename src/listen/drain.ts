/**
 * Counts the open exchanges, so that a shutdown can wait for the last one. Does not decide when to shut down.
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

  /** As `start`, but waits at most `withinMs` milliseconds. */
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

  /** From now on `isDraining` is true, and new work is refused. Resolves when no exchange is open. */
  start(): Promise<void> {
    this.#isDraining = true
    if (this.#open === 0) this.#idle.resolve(undefined)
    return this.#idle.promise
  }
}
