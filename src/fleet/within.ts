/**
 * An answer that is waited for only so long: a store that hangs must not hang who asks it.
 */
import type { Clock } from '../time/clock.ts'
import { StoreFailure } from './store.ts'

/** Rejects with STORE_SILENT after `withinMs`; what the answer becomes then is nobody's affair. */
export function within<T>(answer: Promise<T>, withinMs: number, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(withinMs, () =>
      reject(new StoreFailure('STORE_SILENT', `the store did not answer within ${Math.round(withinMs)} ms`)),
    )
    answer.then(resolve, reject).finally(() => timer.clear())
  })
}
