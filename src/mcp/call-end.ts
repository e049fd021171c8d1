/**
 * How the lease of a tools/call ends. In: the end that HTTP alone would give it, and what was seen of the call's answer.
 * Out: the end for the lane. HTTP 200 says little over MCP, where a failed call has that status, too. Pure.
 */
import type { LeaseEnd } from '../lane/lease.ts'
import type { ResponseOutcome } from './message-scan.ts'

export interface SeenOfCall {
  /** Of the response to the call's id; undefined when none passed. */
  readonly outcome: ResponseOutcome | undefined
  /** The HTTP response was in a form that is read. */
  readonly wasRead: boolean
  /** The time also has other causes than the tool: the call was cancelled or resumed, or the server asked its caller. */
  readonly isDisturbed: boolean
}

export function callEnd(byHttp: LeaseEnd, { outcome, wasRead, isDisturbed }: SeenOfCall): LeaseEnd {
  if (byHttp.verdict !== 'ok') return byHttp
  // A response that lacks the answer, or a JSON-RPC error (for example: no such tool), says nothing about the tool.
  if (outcome === 'protocol-error' || (wasRead && outcome === undefined))
    return { ...byHttp, verdict: 'ignored', latencyMs: undefined }
  // Only a call that did its work undisturbed is a sample of the tool's latency.
  const isSample = !isDisturbed && (outcome === undefined || outcome === 'complete')
  return isSample ? byHttp : { ...byHttp, latencyMs: undefined }
}
