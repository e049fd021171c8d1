/**
 * What became of a call's asking for a place in its lane: a lease, a refusal, or what the tool said the last time.
 */
import type { Turn } from '../gate/gate.ts'
import type { LeaseHandle } from '../gate/lease-handle.ts'
import type { AnswerObserver } from '../upstream/attempt.ts'
import type { Call } from './call.ts'
import type { Unanswered } from './call-state.ts'
import type { CallRefusal } from './replies.ts'

export type LeaseAnswer =
  | { readonly kind: 'granted'; readonly lease: LeaseHandle; readonly observer?: AnswerObserver | undefined }
  | { readonly kind: 'refused'; readonly refusal: CallRefusal }
  /** A call that its tool has failed before gets that answer, and is not told that the tool was never called. */
  | { readonly kind: 'not again'; readonly last: Unanswered }

export function leaseAnswerOf({ earlier, askedAtMs }: Call, turn: Turn, nowMs: number): LeaseAnswer {
  if (turn.kind === 'granted') return turn
  if (earlier !== undefined) return { kind: 'not again', last: earlier.last }
  const { reason, retryAfterMs, toolWaitMs } = turn.refusal
  const detail = saidByTool(toolWaitMs)
  return { kind: 'refused', refusal: { reason, retryAfterMs, detail, queuedMs: nowMs - askedAtMs } }
}

/** In the tool's own time, which may be longer than callers may be told to wait. */
function saidByTool(toolWaitMs: number | undefined): string | undefined {
  // 0: its time is over, and one call probes whether it answers again.
  if (toolWaitMs === undefined || toolWaitMs === 0) return undefined
  return `it asked for ${Math.ceil(toolWaitMs / 1000)} s`
}
