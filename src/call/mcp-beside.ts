/**
 * A place for what passes beside the lanes of an MCP server. Messages and streams have a bound each and never wait.
 */
import { streamsHolder } from '../capacity/capacity.ts'
import { shareRefusal } from './before-lane.ts'
import type { Call } from './call.ts'
import type { Beside } from './mcp-stage.ts'
import type { LeaseAnswer } from './lease-answer.ts'
import type { Replies } from './replies.ts'

export function enterBeside(call: Call, { traffic, observer }: Beside, replies: Replies): LeaseAnswer {
  const { tool } = call
  const share = traffic === 'streams' ? shareRefusal(call, streamsHolder(tool.tool), replies) : undefined
  if (share !== undefined) return { kind: 'refused', refusal: share }
  const gate = tool.traffic[traffic]
  const entered = gate.enter({}, call.onTurn)
  if (entered.kind === 'granted') {
    call.isBeside = true
    return { ...entered, observer }
  }
  if (entered.kind === 'queued') throw new Error('a message was to wait beside the lanes')
  const { reason, retryAfterMs } = entered.refusal
  if (reason === 'DRAINING' || reason === 'NO_ROUTE')
    return { kind: 'refused', refusal: { reason, retryAfterMs } }
  const others = traffic === 'streams' ? 'MCP streams' : 'MCP messages'
  const detail = `it has ${gate.lane.depths().active} other ${others} already`
  return { kind: 'refused', refusal: { reason: 'QUEUE_SATURATED', detail } }
}
