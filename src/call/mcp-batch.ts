/**
 * The leases for a batch of calls (MCP 2025-03-26): all of them at once, or none. A batch never waits, since one that
 * held some leases while it waited for others would keep them from calls that could run.
 */
import { enterAll } from '../gate/gate.ts'
import type { LeaseHandle } from '../gate/lease-handle.ts'
import { NOT_USED } from '../lane/lease.ts'
import type { Drain } from '../listen/drain.ts'
import type { Clock } from '../time/clock.ts'
import type { Tool } from '../tools/tool.ts'
import { refusalByTool } from './before-lane.ts'
import type { Call } from './call.ts'
import { McpCall } from './mcp-call.ts'
import type { Batch } from './mcp-stage.ts'
import type { LeaseAnswer } from './lease-answer.ts'
import type { CallRefusal, Replies } from './replies.ts'
import { priorityOf, takeLane } from './route.ts'

interface BatchParts {
  readonly clock: Clock
  readonly drain: Drain
  readonly replies: Replies
}

const AT_ONCE = 'a batch runs at once or not at all; single calls may wait'

/** The call goes into the lane of the first of its calls, or is refused by the first lane that has no place. */
export function enterBatch(call: Call, batch: Batch, parts: BatchParts): LeaseAnswer {
  const { tools } = batch
  const { clock } = parts
  for (const tool of tools) {
    const refusal = refusalByTool(call, tool, parts)
    if (refusal !== undefined) return refuseBatch(call, tool, { batch, clock }, refusal)
  }
  const { rawHeaders } = call.caller.request
  const wants = tools.map((tool) => ({ gate: tool.gate, want: { priority: priorityOf(rawHeaders, tool) } }))
  const entered = enterAll(wants)
  if (entered.kind === 'refused') {
    const { reason, retryAfterMs } = entered.refusal
    const tool = tools[entered.index] ?? tools[0]
    return refuseBatch(call, tool, { batch, clock }, { reason, retryAfterMs, detail: AT_ONCE })
  }
  try {
    return begin(call, batch, entered.leases, clock)
  } catch (error) {
    // Only an attempt ends the leases of its call, and there is none.
    for (const lease of entered.leases) lease.settle(NOT_USED)
    throw error
  }
}

function begin(call: Call, batch: Batch, leases: readonly LeaseHandle[], clock: Clock): LeaseAnswer {
  const [lease, ...otherLeases] = leases
  if (lease === undefined) throw new Error('a batch without calls was to be leased')
  const { tools, calls, answerOf, register } = batch
  const [first, ...others] = calls.map(({ idKey }) => idKey)
  takeLane(call, tools[0])
  const idKeys = [first ?? '', ...others] as const
  const answer = answerOf(tools[0])
  const mcp = new McpCall(call, { answer, idKeys, otherLeases, closingCancels: false }, clock)
  call.mcp = mcp
  register(mcp)
  return { kind: 'granted', lease }
}

function refuseBatch(
  call: Call,
  tool: Tool,
  { batch, clock }: { readonly batch: Batch; readonly clock: Clock },
  refusal: CallRefusal,
): LeaseAnswer {
  takeLane(call, tool)
  const idKeys = [batch.calls[0].idKey] as const
  call.mcp = new McpCall(call, { answer: batch.answerOf(tool), idKeys, closingCancels: false }, clock)
  return { kind: 'refused', refusal }
}
