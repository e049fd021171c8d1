/**
 * Refusals that need no lane: the process shuts down, the body is too large, the lane's share of connections is used.
 * A single call meets `refusalBeforeLane`; the calls of a batch meet `refusalByTool` (mcp-batch.ts). Messages beside the
 * lanes have bounds of their own (mcp-stage.ts, mcp-beside.ts).
 */
import type { Drain } from '../listen/drain.ts'
import type { Tool } from '../tools/tool.ts'
import { bytesOf } from './body.ts'
import type { Call } from './call.ts'
import type { CallRefusal, Replies } from './replies.ts'

interface BeforeLaneParts {
  readonly drain: Drain
  readonly replies: Replies
}

export function refusalBeforeLane(call: Call, parts: BeforeLaneParts): CallRefusal | undefined {
  return refusalByTool(call, call.tool, parts) ?? shareRefusal(call, call.tool.tool, parts.replies)
}

/** What this tool refuses without its lane, whatever connections the call holds. */
export function refusalByTool(
  { body }: Call,
  tool: Tool,
  { drain, replies }: BeforeLaneParts,
): CallRefusal | undefined {
  if (drain.isDraining) return { reason: 'DRAINING', retryAfterMs: replies.untilReplacedMs(tool) }
  if ((bytesOf(body) ?? 0) > tool.settings.maxBodyBytes) return { reason: 'BODY_TOO_LARGE' }
  return undefined
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
