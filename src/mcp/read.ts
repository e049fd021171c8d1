/**
 * Reads the body of an HTTP request to an MCP server (Streamable HTTP). In: the bytes and the headers. Out: a McpBody,
 * which says what the caller wants, as data. A body that two parsers could interpret differently is a problem, since a
 * caller could make Spillway see another tool than the server sees. Pure. Must not know lanes or sockets.
 *
 *   request    bytes -> json-scan -> envelope -> message -> read (headers) -> McpBody     steps: read-scheduler
 *   lane       McpBody -> lanes (glob) -> the lane of each call
 *   refusal    McpBody, headers -> answer-form -> the form in which reply/ writes it
 *   response   bytes -> event-scan -> message-scan -> response-reader -> call-end, for call/mcp-leases
 */
import { EnvelopeReader, problem } from './envelope.ts'
import type { BodyEnvelopes, Envelope, BodyProblem } from './envelope.ts'
import { contentTypeOf, contradiction, headersProblem, revisionOf } from './headers.ts'
import type { McpHeaders } from './headers.ts'
import { messageOf } from './message.ts'
import type { McpMessage, McpMethod } from './message.ts'

export type McpBody =
  | McpMessage
  | { readonly kind: 'batch'; readonly messages: readonly McpMessage[] }
  /** No MCP message, for example a form for an authorization endpoint. */
  | { readonly kind: 'opaque' }
  /** It must not be forwarded. */
  | BodyProblem

/** How a metric names what came: a closed set. GET and DELETE are requests without a body. */
export type MethodLabel = McpMethod | 'response' | 'batch' | 'GET' | 'DELETE' | 'other'

/** Bytes that may precede JSON in some encoding: spaces, control characters, a byte order mark. */
const BEFORE_JSON = /^[\s\p{Cc}\uFEFF\uFFFD]*/u
const STARTS_JSON = /^[{[]/

/** Reads one body in steps, so that a long one does not hold up the process. */
export class BodyReader {
  readonly #step: (maxBytes: number) => McpBody | undefined

  constructor(bytes: Buffer, headers: McpHeaders) {
    this.#step = stepsOver(bytes, headers)
  }

  /** Reads `maxBytes` more. Undefined while there is more to read. */
  step(maxBytes: number): McpBody | undefined {
    return this.#step(maxBytes)
  }
}

export function labelOf(body: Exclude<McpBody, BodyProblem>): MethodLabel {
  switch (body.kind) {
    case 'call':
      return 'tools/call'
    case 'request':
    case 'notification':
      return body.method
    case 'opaque':
      return 'other'
    case 'response':
    case 'batch':
      return body.kind
    default:
      return body satisfies never
  }
}

type Step = (maxBytes: number) => McpBody | undefined

function stepsOver(bytes: Buffer, headers: McpHeaders): Step {
  const what = headersProblem(headers)
  if (what !== undefined) return () => problem(what)
  const type = contentTypeOf(headers)
  if (type === 'like-json') return () => UNDECLARED
  if (type === 'other') return opaqueSteps(bytes)
  const envelopes = new EnvelopeReader(bytes)
  return (maxBytes) => {
    const read = envelopes.step(maxBytes)
    return read === undefined ? undefined : bodyOf(read, headers)
  }
}

const UNDECLARED = problem('an MCP message needs Content-Type: application/json')

/** A lenient server would parse JSON under any content type, so a body that starts as JSON does is a problem. */
function opaqueSteps(bytes: Buffer): Step {
  let at = 0
  return (maxBytes) => {
    const end = endOfCharacter(bytes, Math.min(bytes.length, at + maxBytes))
    const text = bytes.toString('utf8', at, end)
    const rest = text.slice(BEFORE_JSON.exec(text)?.[0].length)
    at = end
    if (rest !== '') return STARTS_JSON.test(rest) ? UNDECLARED : OPAQUE
    return at < bytes.length ? undefined : OPAQUE
  }
}

const OPAQUE = { kind: 'opaque' } as const

/** The first offset from `offset` on that does not cut a UTF-8 character in two. */
function endOfCharacter(bytes: Buffer, offset: number): number {
  let end = offset
  while (end < offset + 3 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end++
  return end
}

function bodyOf(read: BodyEnvelopes, headers: McpHeaders): McpBody {
  switch (read.kind) {
    case 'problem':
      return read
    case 'message':
      return singleOf(read.message, headers)
    case 'batch':
      return batchOf(read.messages, headers)
    default:
      return read satisfies never
  }
}

function singleOf(envelope: Envelope, headers: McpHeaders): McpBody {
  const message = messageOf(envelope)
  if (message.kind === 'problem' || !revisionOf(headers).hasRoutingHeaders) return message
  const what = contradiction(message, headers)
  return what === undefined ? message : problem(what)
}

function batchOf(envelopes: readonly Envelope[], headers: McpHeaders): McpBody {
  const { hasBatches, date } = revisionOf(headers)
  if (!hasBatches) return problem(`there are no batches in the revision ${date}`)
  if (envelopes.length === 0) return problem('the batch is empty')
  const messages: McpMessage[] = []
  const idKeys = new Set<string>()
  for (const envelope of envelopes) {
    const message = messageOf(envelope)
    if (message.kind === 'problem') return message
    if (message.kind === 'call') {
      if (idKeys.has(message.call.idKey)) return problem('two calls have the same id')
      idKeys.add(message.call.idKey)
    }
    messages.push(message)
  }
  return { kind: 'batch', messages }
}
