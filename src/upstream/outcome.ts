/**
 * What the end of an exchange says about the tool. Pure: a status or a failure in, a verdict out.
 */
import type { Reason, Verdict } from '../lane/reason.ts'

/**
 * Verdict of a whole answer. 5xx and 429: the tool failed or was overloaded. Other 4xx: the request was wrong, which
 * says nothing about the tool; a fast 404 must not look like a fast tool.
 */
export function verdictOf(status: number): Verdict {
  if (status >= 500 || status === 429) return 'dropped'
  return status >= 400 ? 'ignored' : 'ok'
}

/** Where an exchange stood when it broke. */
export interface Breakage {
  /** A connection existed and the request was being written. */
  readonly wasStarted: boolean
  /** undici found the request itself impossible to send. */
  readonly wasInvalid: boolean
}

/** The reason for a caller whose exchange broke before the tool's response head. */
export function reasonOf(
  breakage: Breakage,
): Extract<Reason, 'BAD_REQUEST' | 'UPSTREAM_UNREACHABLE' | 'UPSTREAM_FAILED'> {
  if (breakage.wasInvalid) return 'BAD_REQUEST'
  return breakage.wasStarted ? 'UPSTREAM_FAILED' : 'UPSTREAM_UNREACHABLE'
}
