/**
 * A refusal of a tools/call over MCP, in one of three forms. Only a result with `isError` and one block of text reaches the
 * model in every client; see docs/decisions/0018. Pure.
 */
import { REASON_ROWS } from './reasons.ts'
import { explain, refuse, headersOf } from './refuse.ts'
import type { RefusalFacts, Reply } from './refuse.ts'

export type McpForm = 'tool_result' | 'jsonrpc_error' | 'http_429'

/** One request that is answered. */
export interface McpRequest {
  /** The id as it was written: JSON text. */
  readonly id: string
  /** The name of the called tool; undefined for another request of the same batch. */
  readonly name: string | undefined
}

export interface McpAnswer {
  readonly form: McpForm
  readonly requests: readonly McpRequest[]
  readonly isBatch: boolean
  /** The result says that it is complete (since 2026-07-28). */
  readonly hasResultType: boolean
  /** The caller takes an event stream only. */
  readonly asEvents: boolean
}

/** The key of the sidecar's own fields in a result: a namespace of its own, which clients ignore. */
export const META_KEY = 'dev.spillway/overload'
/** Outside of the range that JSON-RPC and MCP reserve. */
const ERROR_CODE = 429
/** Refusals in a row after which a model should do without the tool. */
const GIVE_UP_AFTER = 3
/** A tool name that may stand in a sentence: the characters that the specification asks for. */
const PLAIN_NAME = /^[\w./-]{1,128}$/

export function refuseMcp(facts: RefusalFacts, answer: McpAnswer): Reply {
  if (answer.form === 'http_429' || REASON_ROWS[facts.reason].tells === 'client') return refuse(facts)
  const messages = answer.requests.map((request) => messageFor(facts, answer, request))
  const json = answer.isBatch ? `[${messages.join(',')}]` : (messages[0] ?? '')
  const body = answer.asEvents ? `event: message\ndata: ${json}\n\n` : `${json}\n`
  const headers = headersOf(facts, answer.asEvents ? 'text/event-stream' : 'application/json', body)
  return { status: 200, headers, body, retryAfterMs: explain(facts).retryAfterMs }
}

/** JSON text: the id is put in as it came, since a number may be larger than what JavaScript can hold. */
function messageFor(facts: RefusalFacts, answer: McpAnswer, { id, name }: McpRequest): string {
  const { text, body } = wordsFor(facts, name)
  const isResult = answer.form === 'tool_result' && name !== undefined
  const member = isResult
    ? `"result":${JSON.stringify(resultOf(text, body, answer.hasResultType))}`
    : `"error":${JSON.stringify({ code: ERROR_CODE, message: text, data: body })}`
  return `{"jsonrpc":"2.0","id":${id},${member}}`
}

function resultOf(text: string, body: object, hasResultType: boolean): object {
  return {
    ...(hasResultType && { resultType: 'complete' }),
    content: [{ type: 'text', text }],
    isError: true,
    _meta: { [META_KEY]: body },
  }
}

/** The sentences for the model with the line of JSON after them, and the fields for machines. */
function wordsFor(facts: RefusalFacts, called: string | undefined) {
  const { lane } = facts
  const name = called !== undefined && PLAIN_NAME.test(called) ? called : lane?.tool
  const named = lane === undefined || name === undefined ? facts : { ...facts, lane: { ...lane, tool: name } }
  const { isTemporary, retryAfterMs, body } = explain(named)
  const fallbacks = lane?.fallbackTools ?? []
  const sentences = [body.message]
  if (isTemporary) {
    sentences.push('The arguments are not at fault: send the same ones then, not sooner.')
  } else sentences.push('The arguments are not at fault.')
  if (fallbacks.length > 0) sentences.push(`In its place you can use ${fallbacks.join(' or ')} now.`)
  if (isTemporary) {
    sentences.push(
      `If it is refused ${GIVE_UP_AFTER} times in a row, stop calling it and say that it was not available.`,
    )
  }
  const line = JSON.stringify({
    reason: facts.reason,
    tool: name,
    retryable: isTemporary,
    not_executed: body.not_executed,
    retry_after_ms: retryAfterMs,
    fallback_tools: fallbacks,
  })
  const machine = { ...body, tool: lane?.tool ?? null, mcp_tool: called, retryable: isTemporary }
  return { text: `${sentences.join(' ')}\n${line}`, body: machine }
}
