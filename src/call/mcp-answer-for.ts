/**
 * How the messages of one request are answered in the protocol's own form when their lane refuses. Decides no more than
 * the form.
 */
import type { McpAnswer } from '../reply/refuse-mcp.ts'
import type { Routed } from './routed.ts'
import { revisionOf } from '../mcp/headers.ts'
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
  const accept = headerValue(routed.call.request.rawHeaders, 'accept')?.toLowerCase() ?? ''
  const requests = messages.flatMap((message): McpAnswer['requests'] => {
    if (message.kind === 'call') return [{ id: message.call.id, name: message.call.name }]
    return message.kind === 'request' ? [{ id: message.id, name: undefined }] : []
  })
  return {
    form: tool.settings.mcp?.overload ?? 'tool_result',
    requests,
    isBatch,
    hasResultType: revisionOf(headers).hasResultType,
    asEvents:
      accept.includes('text/event-stream') && !/application\/json|application\/\*|\*\/\*/.test(accept),
  }
}
