/**
 * Bounds the wait for a store's answer, so that a store that hangs makes no sidecar hang.
 */
import type { Clock } from '../time/clock.ts'
import { StoreFailure } from './store.ts'

/** Rejects with STORE_SILENT after `withinMs`; an answer that comes later is dropped. */
export function within<T>(answer: Promise<T>, withinMs: number, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(withinMs, () =>
      reject(new StoreFailure('STORE_SILENT', `the store did not answer within ${Math.round(withinMs)} ms`)),
    )
    answer.then(resolve, reject).finally(() => timer.clear())
  })
}
