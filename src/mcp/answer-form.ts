/**
 * The form of Spillway's own answer to MCP messages, for example when a lane refuses. In: what was read, the overload form
 * of the lane, and the headers. Out: a McpAnswer, from which reply/refuse-mcp.ts writes the bytes. Pure.
 */
import type { McpAnswer, McpForm } from '../reply/refuse-mcp.ts'
import { revisionOf } from './headers.ts'
import type { McpHeaders } from './headers.ts'
import type { McpMessage } from './message.ts'

export interface Answered {
  /** `mcp.overload` of the lane that refuses. */
  readonly overload: McpForm
  /** All messages of the body. */
  readonly messages: readonly McpMessage[]
  readonly isBatch: boolean
  readonly headers: Pick<McpHeaders, 'version'>
  /** The Accept header of the HTTP request. */
  readonly accept: string | undefined
}

export function answerForm({ overload, messages, isBatch, headers, accept }: Answered): McpAnswer {
  return {
    form: overload,
    requests: messages.flatMap(requestOf),
    isBatch,
    hasResultType: revisionOf(headers).hasResultType,
    asEvents: acceptsEventsOnly(accept),
  }
}

/** Only a request has an answer: JSON-RPC does not answer notifications and responses. */
function requestOf(message: McpMessage): McpAnswer['requests'] {
  switch (message.kind) {
    case 'call':
      return [{ id: message.call.id, name: message.call.name }]
    case 'request':
      return [{ id: message.id, name: undefined }]
    case 'notification':
    case 'response':
      return []
    default:
      return message satisfies never
  }
}

const TAKES_JSON = /application\/json|application\/\*|\*\/\*/

function acceptsEventsOnly(accept = ''): boolean {
  const types = accept.toLowerCase()
  return types.includes('text/event-stream') && !TAKES_JSON.test(types)
}
