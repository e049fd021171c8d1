/**
 * For tests in which no error may occur: an error that a part would report is thrown, so that the test fails.
 */
export function rethrow(error: unknown): never {
  throw error
}
