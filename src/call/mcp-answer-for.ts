/**
 * How the messages of one request are answered in the protocol's own form when their lane refuses. Decides no more than
 * the form.
 */
import type { McpAnswer } from '../reply/refuse-mcp.ts'
import type { Routed } from './routed.ts'
import { answerForm } from '../mcp/answer-form.ts'
import type { McpHeaders } from '../mcp/headers.ts'
import type { McpMessage } from '../mcp/message.ts'
import type { Tool } from '../tools/tools.ts'
import { headerValue } from '../upstream/headers.ts'

interface Asked {
  readonly routed: Routed
  readonly headers: McpHeaders
  readonly isBatch: boolean
}

/** How the messages are answered when the lane `tool` refuses. */
export function answerFor(
  tool: Tool,
  messages: readonly McpMessage[],
  { routed, headers, isBatch }: Asked,
): McpAnswer {
  return answerForm({
    overload: tool.settings.mcp?.overload ?? 'tool_result',
    messages,
    isBatch,
    headers,
    accept: headerValue(routed.call.request.rawHeaders, 'accept'),
  })
}
