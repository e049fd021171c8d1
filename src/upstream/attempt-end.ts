/**
 * Decides how an attempt ends: the cause and verdict of its lease, and what its caller gets. An attempt ends with the whole
 * answer, because the caller left, because Spillway stopped it, or because the exchange with the tool failed. Pure: the facts
 * of the attempt in, its ending out. Whether the request is sent again is decided before.
 */
import type { LeaseEnd } from '../lane/lease.ts'
import type { Fault, Reason } from '../lane/reason.ts'
import type { Pushback } from '../lane/throttle.ts'
import { failureOf, verdictOf } from './outcome.ts'
import { BodyTooLarge, BodyTooSlow } from './upload.ts'
import type { Upload } from './upload.ts'

/** Why Spillway itself aborted the request: the caller left, or the lease was reclaimed. */
export type Stop = 'left' | 'reclaimed'

/** An end without the whole answer. `reason`: for a caller that has received nothing yet. */
export type Ending =
  | { readonly kind: 'left' }
  | {
      readonly kind: 'broken'
      readonly lease: LeaseEnd
      readonly reason: Reason
      readonly fault: Fault | undefined
    }

/** The end of a lease that says nothing about the tool. */
export const IGNORED = { cause: 'failed', verdict: 'ignored' } as const

const LEFT = { kind: 'left' } as const

/** The answer is complete. `tookMs`: the tool's latency, which counts only if the status is `ok`. */
export function completed(status: number, tookMs: number, pushback: Pushback | undefined): LeaseEnd {
  const verdict = verdictOf(status)
  return { cause: 'completed', verdict, latencyMs: verdict === 'ok' ? tookMs : undefined, pushback }
}

/**
 * The caller left. Before the response head, with the whole request sent, that counts as a hang-up; the lane decides whether
 * it counts against the tool. `waitedMs`: how long the caller waited for the tool.
 */
export function leftAfter(waitedMs: number, facts: { status: number; isSent: boolean }): LeaseEnd {
  if (facts.status !== 0 || !facts.isSent) return { cause: 'cancelled', verdict: 'ignored' }
  return { cause: 'cancelled', verdict: 'dropped', latencyMs: waitedMs }
}

/** The ending if Spillway or the caller broke the exchange; undefined if the tool or the connection did. */
export function endedHere(
  error: Error,
  { stop, upload }: { readonly stop: Stop | undefined; readonly upload: Upload | undefined },
): Ending | undefined {
  if (stop === 'reclaimed') return notTheTool('LEASE_EXPIRED')
  if (stop === 'left' || upload?.isBroken === true) return LEFT
  if (error instanceof BodyTooLarge) return notTheTool('BODY_TOO_LARGE')
  if (error instanceof BodyTooSlow) return notTheTool('REQUEST_TIMEOUT')
  return undefined
}

/** The exchange with the tool failed, and is not tried again here. */
export function failedAtTool(
  error: Error,
  { phase, upload }: { readonly phase: Fault['phase']; readonly upload: Upload | undefined },
): Ending {
  const isSent = upload === undefined || upload.body.readableEnded
  const { verdict, reason, fault } = failureOf(error, { phase, isSent })
  return { kind: 'broken', lease: { cause: 'failed', verdict }, reason, fault }
}

function notTheTool(reason: Reason): Ending {
  return { kind: 'broken', lease: IGNORED, reason, fault: undefined }
}
