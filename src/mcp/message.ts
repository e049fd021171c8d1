/**
 * One JSON-RPC message to an MCP server as data. In goes its envelope (envelope.ts); out comes a tools/call, another
 * request, a notification or a response, or the problem that forbids to forward it. Pure. Must not know lanes or headers.
 */
import { problem } from './envelope.ts'
import type { Envelope, JsonMember, BodyProblem } from './envelope.ts'

/** Characters of a tool's name, a method or an id: eight times what the specification asks for. */
export const MAX_NAME_CHARACTERS = 1024

const METHODS = [
  'tools/call',
  'initialize',
  'ping',
  'server/discover',
  'tools/list',
  'prompts/list',
  'prompts/get',
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'resources/subscribe',
  'resources/unsubscribe',
  'subscriptions/listen',
  'completion/complete',
  'logging/setLevel',
  'tasks/list',
  'tasks/get',
  'tasks/update',
  'tasks/result',
  'tasks/cancel',
  'notifications/initialized',
  'notifications/cancelled',
  'notifications/progress',
  'notifications/roots/list_changed',
] as const

/** A method of the MCP specification. */
export type McpMethod = (typeof METHODS)[number]

const KNOWN: ReadonlySet<string> = new Set(METHODS)
/** Requests that are answered by a stream, which may last for hours. */
const STREAMED: ReadonlySet<string> = new Set(['subscriptions/listen', 'tasks/result'])
/** Characters that some parsers drop, or end a string at. */
const UNSAFE = /[\p{Cc}\p{Cs}]/u

export interface ToolCall {
  /** The JSON-RPC id as it was written: JSON text. */
  readonly id: string
  /** `idKeyOf` the id. */
  readonly idKey: string
  /** The tool's name at the MCP server. */
  readonly name: string
}

export type McpMessage =
  /** A tools/call request. */
  | { readonly kind: 'call'; readonly call: ToolCall }
  | {
      readonly kind: 'request'
      readonly method: McpMethod | 'other'
      /** As it was written: JSON text. */
      readonly id: string
      /** The answer may be a stream that lasts for hours. */
      readonly opensStream: boolean
    }
  | {
      readonly kind: 'notification'
      readonly method: McpMethod | 'other'
      /** Of a notifications/cancelled: the `idKeyOf` the request that is to end. */
      readonly cancels: string | undefined
    }
  /** The caller's answer to a request of the server. */
  | { readonly kind: 'response' }

export function isMcpMethod(method: string): method is McpMethod {
  return KNOWN.has(method)
}

/** Equal for equal ids, however they are written: 1 and 1.0 are one id, 1 and "1" are two. Undefined for a value that is no id. */
export function idKeyOf(id: unknown): string | undefined {
  return typeof id === 'string' || typeof id === 'number' ? `${typeof id}:${id}` : undefined
}

export function messageOf(envelope: Envelope): McpMessage | BodyProblem {
  if (envelope.method.kind === 'absent')
    return envelope.isResponse ? { kind: 'response' } : problem('the message has no method')
  const method = methodOf(envelope.method)
  if (typeof method !== 'string') return method
  const id = idOf(envelope.id)
  if (id?.kind === 'problem') return id
  if (method === 'tools/call') return callOf(id, envelope.name)
  const known = isMcpMethod(method) ? method : 'other'
  if (id !== undefined)
    return { kind: 'request', method: known, id: id.json, opensStream: STREAMED.has(method) }
  const cancels = method === 'notifications/cancelled' ? idKeyOf(valueOf(envelope.requestId)) : undefined
  return { kind: 'notification', method: known, cancels }
}

function methodOf(member: JsonMember): string | BodyProblem {
  const method = valueOf(member)
  if (member.kind !== 'too-long' && typeof method !== 'string') return problem('the method is not a string')
  if (typeof method !== 'string' || method.length > MAX_NAME_CHARACTERS)
    return problem('the method is too long')
  return UNSAFE.test(method) ? problem('there are control characters in the method') : method
}

interface RequestId {
  readonly kind: 'id'
  readonly json: string
  readonly key: string
}

/** Undefined for a message without one. */
function idOf(member: JsonMember): RequestId | BodyProblem | undefined {
  if (member.kind === 'absent') return undefined
  if (member.kind === 'too-long') return problem('the id is too long')
  const json = member.kind === 'scalar' ? member.json : ''
  if (json.length > MAX_NAME_CHARACTERS) return problem('the id is too long')
  const key = idKeyOf(valueOf(member))
  return key === undefined ? problem('the id is neither a string nor a number') : { kind: 'id', json, key }
}

function callOf(id: RequestId | undefined, member: JsonMember): McpMessage | BodyProblem {
  if (id === undefined) return problem('a tools/call needs an id, a string or a number')
  const name = valueOf(member)
  if (member.kind !== 'too-long' && typeof name !== 'string')
    return problem('params.name of a tools/call is not a string')
  if (typeof name !== 'string' || name.length > MAX_NAME_CHARACTERS)
    return problem(`the tool's name is longer than ${MAX_NAME_CHARACTERS} characters`)
  if (UNSAFE.test(name)) return problem('there are control characters, or half ones, in params.name')
  return { kind: 'call', call: { id: id.json, idKey: id.key, name } }
}

function valueOf(member: JsonMember): unknown {
  return member.kind === 'scalar' ? (JSON.parse(member.json) as unknown) : undefined
}
