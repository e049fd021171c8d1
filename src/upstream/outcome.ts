/**
 * What the end of an exchange says about the tool. Pure: a status or a failure in, a verdict out.
 */
import type { Fault, Reason, Verdict } from '../lane/reason.ts'

/**
 * Verdict of a whole answer. 5xx and 429: the tool failed or was overloaded. Other 4xx: the request was wrong, which
 * says nothing about the tool; a fast 404 must not look like a fast tool.
 */
export function verdictOf(status: number): Verdict {
  if (status >= 500 || status === 429) return 'dropped'
  return status >= 400 ? 'ignored' : 'ok'
}

/** What an exchange broke on. */
export interface Breakage {
  /** undici found the request itself impossible to send. */
  readonly wasInvalid: boolean
  readonly fault: Fault
}

/** The reason for a caller whose exchange broke before the tool's response head. */
export function reasonOf({
  wasInvalid,
  fault,
}: Breakage): Extract<
  Reason,
  'BAD_REQUEST' | 'PROXY_OVERLOADED' | 'UPSTREAM_UNREACHABLE' | 'UPSTREAM_FAILED'
> {
  if (wasInvalid) return 'BAD_REQUEST'
  if (fault.phase !== 'connect') return 'UPSTREAM_FAILED'
  // This host has no file or port left for a connection: no tool is to blame for that.
  return fault.cause === 'local' ? 'PROXY_OVERLOADED' : 'UPSTREAM_UNREACHABLE'
}
