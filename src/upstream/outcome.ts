/**
 * Decides what the end of an exchange says about the tool: its verdict, from the status of a whole answer or from the error
 * that broke the exchange. Pure.
 */
import { reasonOfFault } from '../lane/reason.ts'
import type { Fault, Reason, Verdict } from '../lane/reason.ts'
import { faultOf } from './fault.ts'

/**
 * Verdict of a whole answer. 5xx and 429: the tool failed or was overloaded. Other 4xx: the request was wrong, which
 * says nothing about the tool; a fast 404 must not look like a fast tool.
 */
export function verdictOf(status: number): Verdict {
  if (status >= 500 || status === 429) return 'dropped'
  return status >= 400 ? 'ignored' : 'ok'
}

/** The failure of an exchange. */
export interface AttemptFailure {
  /** undici refused to send the request, because it is invalid. */
  readonly wasInvalid: boolean
  readonly fault: Fault
}

/** The reason for a caller whose exchange broke before the tool's response head. */
export function failureReason({
  wasInvalid,
  fault,
}: AttemptFailure): Extract<
  Reason,
  'BAD_REQUEST' | 'PROXY_OVERLOADED' | 'UPSTREAM_UNREACHABLE' | 'UPSTREAM_FAILED'
> {
  return wasInvalid ? 'BAD_REQUEST' : reasonOfFault(fault)
}

/** undici's codes for a request that it cannot send. */
const INVALID = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED'])

/** The verdict for the controller, the reason for the caller, and the fault for the operator. */
export function failureOf(
  error: Error,
  { phase, isSent }: { readonly phase: Fault['phase']; readonly isSent: boolean },
): {
  readonly verdict: Verdict
  readonly reason: ReturnType<typeof failureReason>
  readonly fault: Fault | undefined
} {
  const wasInvalid = INVALID.has(String((error as { code?: unknown }).code))
  const fault = faultOf(phase, error)
  const reason = failureReason({ wasInvalid, fault })
  const isToolsFault = reason !== 'BAD_REQUEST' && reason !== 'PROXY_OVERLOADED'
  // A tool that rejects a body may close the connection before it has read it, which is no sign of overload.
  const verdict = isToolsFault && isSent ? 'dropped' : 'ignored'
  return { verdict, reason, fault: wasInvalid ? undefined : fault }
}
