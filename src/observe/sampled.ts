/**
 * Samples log lines that can come by the thousand. The first value of each key is written at once. After that at most one
 * line in each interval is written, with the latest value and the number that was left out. Keys come from closed sets.
 * Must not know what a line says.
 */
import type { Clock, Timer } from '../time/clock.ts'

export interface SampledParts<T> {
  readonly clock: Clock
  /** Milliseconds between two lines of one key. */
  readonly everyMs: number
  readonly write: (value: T, leftOut: number) => void
}

interface Sample<T> {
  /** Values since the last line. */
  leftOut: number
  last: T
  timer: Timer
}

export class Sampled<T> {
  readonly #parts: SampledParts<T>
  readonly #samples = new Map<string, Sample<T>>()
  #isClosed = false

  constructor(parts: SampledParts<T>) {
    this.#parts = parts
  }

  take(key: string, value: T): void {
    if (this.#isClosed) return
    const sample = this.#samples.get(key)
    if (sample !== undefined) {
      sample.leftOut++
      sample.last = value
      return
    }
    this.#samples.set(key, { leftOut: 0, last: value, timer: this.#startTimer(key) })
    this.#parts.write(value, 0)
  }

  /** Writes what was left out so far and stops the timers; nothing is written after that. */
  close(): void {
    this.#isClosed = true
    for (const { timer, leftOut, last } of this.#samples.values()) {
      timer.clear()
      if (leftOut > 0) this.#parts.write(last, leftOut)
    }
    this.#samples.clear()
  }

  #startTimer(key: string): Timer {
    return this.#parts.clock.after(this.#parts.everyMs, () => {
      const sample = this.#samples.get(key)
      if (sample === undefined) return
      const { leftOut, last } = sample
      if (leftOut === 0) {
        this.#samples.delete(key)
        return
      }
      sample.leftOut = 0
      sample.timer = this.#startTimer(key)
      this.#parts.write(last, leftOut)
    })
  }
}
