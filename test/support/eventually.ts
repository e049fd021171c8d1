/**
 * Waits until a condition on the wire holds, within a bound. If it does not hold in time, the last failure is thrown.
 */

/** Milliseconds. Generous, because machines are shared; a check that holds at once returns at once. */
const PATIENCE_MS = 10_000

/** Runs `check` until it does not throw. Errors: the check's last one. */
export async function eventually<T>(check: () => T | Promise<T>, patienceMs = PATIENCE_MS): Promise<T> {
  const endsAt = performance.now() + patienceMs
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (performance.now() > endsAt) throw error
      await pause(15)
    }
  }
}

/** Waits real milliseconds: only for tests on the wire. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
