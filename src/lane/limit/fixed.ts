/**
 * The limit that never moves by itself: only an operator or a new configuration moves it.
 */
import type { Limiter } from './limiter.ts'

export function fixedLimiter(): Limiter {
  return {
    algorithm: 'fixed',
    sent: () => undefined,
    ended: () => undefined,
    step: () => undefined,
    moved: () => undefined,
    wakeAtMs: () => Infinity,
  }
}
