/**
 * Real time. The only file in src that may touch Date, performance and timers, so that everything else can be
 * driven by a virtual clock.
 */
import type { Clock } from './clock.ts'

/** setTimeout fires at once for anything above this. */
const LONGEST_DELAY_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, wake) {
    const handle = setTimeout(wake, Math.ceil(Math.min(Math.max(delayMs, 0), LONGEST_DELAY_MS)))
    return { clear: () => clearTimeout(handle) }
  },
}

/** Resolves after `delayMs` milliseconds. */
export function delay(delayMs: number, clock: Clock = systemClock): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve)
  })
}
