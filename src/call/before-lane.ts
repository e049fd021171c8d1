/**
 * Refusals that need no lane: the process shuts down, the body is too large, the lane's share of connections is used.
 */
import type { Drain } from '../listen/drain.ts'
import { bytesOf } from './body.ts'
import type { Call } from './call.ts'
import type { CallRefusal, Replies } from './replies.ts'

export function refusalBeforeLane(
  call: Call,
  { drain, replies }: { readonly drain: Drain; readonly replies: Replies },
): CallRefusal | undefined {
  const { tool, body } = call
  if (drain.isDraining) return { reason: 'DRAINING', retryAfterMs: replies.untilReplacedMs(tool) }
  if ((bytesOf(body) ?? 0) > tool.settings.maxBodyBytes) return { reason: 'BODY_TOO_LARGE' }
  return shareRefusal(call, tool.tool, replies)
}

/** A lane holds no more than its share of the process's connections; a call beyond that is answered at once. */
export function shareRefusal(
  { caller, tool }: Call,
  holder: string,
  replies: Replies,
): CallRefusal | undefined {
  if (caller.hold(holder)) return undefined
  return { reason: 'PROXY_OVERLOADED', retryAfterMs: replies.untilReplacedMs(tool) }
}
