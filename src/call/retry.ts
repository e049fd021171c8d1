/**
 * Whether and when a call that its tool failed is tried once more, outside the slot: the lease is over, the call waits,
 * and then goes through admission as any other. Only a request that can be sent again without harm, within the lane's
 * budget, never while the lane is overloaded. Off unless `retries.max` is set. Pure.
 */
import type { Call } from './call.ts'
import type { Body, Unanswered } from './call-state.ts'
import { isReplayable } from './body.ts'

/** Milliseconds before the first retry; twice as long before each further one. A random part takes up to half of it. */
const FIRST_BACKOFF_MS = 200

/** Whether the operator wants this result tried again, and the request allows it. */
export function mayRetry(call: Call, result: Unanswered): boolean {
  const { max, on } = call.tool.settings.retries
  if ((call.earlier?.tries ?? 0) >= max || !isReplayable(call)) return false
  if (result.kind === 'held') return on.includes(result.answer.status)
  return result.reason === 'UPSTREAM_UNREACHABLE' && on.includes('connect')
}

/** The body for another attempt; undefined when it was not kept whole. */
export function bodyAgain(body: Body): Body | undefined {
  if (body.kind !== 'streamed') return body
  const content = body.upload.whole()
  return content === undefined ? undefined : { kind: 'whole', content }
}

/** Milliseconds before the attempt of this number, from 1. `random`: 0 <= n < 1. */
export function backoffMs(tries: number, random: number): number {
  return FIRST_BACKOFF_MS * 2 ** (tries - 1) * (1 - random / 2)
}

/**
 * What the caller gets if there is no further attempt. A caller whose request the tool has answered before must not read
 * `not_executed: true`: it gets that answer.
 */
export function lastOf(call: Call, result: Unanswered): Unanswered {
  const isUnsent = result.kind === 'failed' && result.reason === 'UPSTREAM_UNREACHABLE'
  return isUnsent ? (call.earlier?.last ?? result) : result
}
