/**
 * For tests of what must not fail: an error that a part would report becomes one of the test.
 */
export function rethrow(error: unknown): never {
  throw error
}
