/**
 * The law without decisions: only an operator or a new configuration moves the limit.
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
