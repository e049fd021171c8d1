/**
 * What follows an attempt: the call is over, it is tried once more, or its caller gets what there is.
 */
import type { Clock } from '../time/clock.ts'
import type { AttemptResult } from '../upstream/attempt.ts'
import type { Call } from './call.ts'
import type { Unanswered } from './call-state.ts'
import type { Replies } from './replies.ts'
import { backoffMs, bodyAgain, lastOf, mayRetry } from './retry.ts'

interface AfterAttemptParts {
  readonly replies: Replies
  readonly clock: Clock
  /** 0 <= n < 1. */
  readonly random: () => number
}

/** Milliseconds until the next attempt; undefined when the call has ended. */
export function afterAttempt(
  call: Call,
  result: AttemptResult,
  parts: AfterAttemptParts,
): number | undefined {
  if (result.kind !== 'held' && result.fault !== undefined)
    call.tell({ kind: 'tool_failed', fault: result.fault, atMs: parts.clock.nowMs() })
  if (result.kind === 'passed') {
    call.end(result.outcome, result.durationMs)
    return undefined
  }
  call.retried('failed')
  const last = lastOf(call, result)
  const body = mayRetry(call, result) ? bodyAgain(call.body) : undefined
  const budget = body === undefined ? 'not asked' : call.tool.gate.askRetry()
  if (body !== undefined && budget === 'granted') {
    const tries = (call.earlier?.tries ?? 0) + 1
    call.earlier = { tries, last, isTold: false }
    call.body = body
    return backoffMs(tries, parts.random())
  }
  if (budget === 'overloaded' || budget === 'no_budget') call.tell({ kind: 'retried', result: budget })
  giveLast(call, last, parts.replies)
  return undefined
}

/** The caller gets the answer that was held back, or the reason why there is none. */
export function giveLast(call: Call, last: Unanswered, replies: Replies): void {
  const { caller } = call
  // A further attempt that was not let in.
  call.retried('refused')
  if (last.kind === 'failed') {
    const { reason, fault, queuedMs, mayHaveRun } = last
    // The other reasons imply it.
    const notExecuted = reason === 'REQUEST_TIMEOUT' ? !mayHaveRun : undefined
    return replies.refuse(call, { reason, fault, queuedMs, notExecuted })
  }
  if (caller.isGone) return call.end('cancelled', last.durationMs)
  last.answer.sendWholeTo(caller)
  call.end('completed', last.durationMs)
}
