/**
 * What a POST to an MCP server (Streamable HTTP) is: calls of tools, which take a lane, or other traffic, which does not.
 * The body decides; since 2026-07-28 the routing headers have to agree with it. Pure. What two readers could read
 * differently is a problem, never a guess. Must not know lanes or sockets.
 */
import { shapeOf } from './json-shape.ts'

/** Since this revision headers name method and tool, and closing the connection cancels. Revisions are dates. */
export const HEADERS_SINCE = '2026-07-28'
/** The first revision without batches. */
const NO_BATCHES_SINCE = '2025-06-18'
const REVISION = /^\d{4}-\d{2}-\d{2}$/
/** Messages in one batch. */
export const MOST_IN_BATCH = 64
/** Characters of a tool's name, or of an id: eight times what the specification asks for. */
export const LONGEST_NAME = 1024

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

/** What a metric may call a message: a closed set. The last five are what has no method, or one that is not known. */
export type McpMethod = (typeof METHODS)[number] | 'response' | 'batch' | 'GET' | 'DELETE' | 'other'

const KNOWN: ReadonlySet<string> = new Set(METHODS)
/** Answered by a stream that may last for hours. */
const STREAMED: ReadonlySet<string> = new Set(['subscriptions/listen', 'tasks/result'])

export interface ToolCall {
  /** The id as it was written: JSON text. */
  readonly id: string
  /** Equal for equal ids, however they are written. */
  readonly idKey: string
  readonly name: string
}

export type McpMessage =
  | { readonly kind: 'call'; readonly call: ToolCall }
  | {
      readonly kind: 'other'
      readonly method: McpMethod
      readonly isStream: boolean
      /** The id as it was written, of a request. */
      readonly id: string | undefined
      /** Of a notifications/cancelled: whose end is asked for. */
      readonly cancels: string | undefined
    }

export type McpBody =
  | McpMessage
  | { readonly kind: 'batch'; readonly messages: readonly McpMessage[] }
  | { readonly kind: 'problem'; readonly what: string }

/** The values of the headers that matter; the names are the protocol's. */
export interface McpHeaders {
  readonly contentType: readonly string[]
  readonly contentEncoding: readonly string[]
  readonly version: readonly string[]
  readonly method: readonly string[]
  readonly name: readonly string[]
}

const JSON_TYPE = /^\s*application\/json\s*(?:;\s*charset\s*=\s*"?utf-?8"?\s*)?;?\s*$/i
/** What some servers take for JSON, though it is not said as it should be: in another charset it could say anything. */
const LIKE_JSON = /json|charset\s*=\s*"?(?!(?:utf-?8|us-ascii|iso-8859-1)"?\s*(?:;|$))/i
/** Whether it begins as JSON does in some encoding, whatever blank comes before. */
const STARTS_AS_JSON = /^[\s\p{Cc}\uFEFF\uFFFD]*[{[]/u
/** What a reader may end a text at, or leave out. */
const ODD = /[\p{Cc}\p{Cs}]/u

/** Whether the caller speaks a revision in which headers route and closing cancels. */
export function isHeaderRouted({ version }: Pick<McpHeaders, 'version'>): boolean {
  const said = version[0]?.trim() ?? ''
  return REVISION.test(said) && said >= HEADERS_SINCE
}

export function readMcp(bytes: Buffer, headers: McpHeaders): McpBody {
  if (headers.version.length > 1) return problem('there is more than one MCP-Protocol-Version')
  if (headers.contentType.length > 1) return problem('there is more than one Content-Type')
  const type = headers.contentType[0]
  const isJson = type !== undefined && JSON_TYPE.test(type)
  if (headers.contentEncoding.some((each) => each.trim().toLowerCase() !== 'identity'))
    return problem('an encoded body cannot be read: send it without Content-Encoding')
  if (!isJson) {
    // A form for an authorization endpoint passes; a message that a lenient server would read after all does not.
    return LIKE_JSON.test(type ?? '') || STARTS_AS_JSON.test(bytes.toString('utf8'))
      ? problem('an MCP message needs Content-Type: application/json')
      : { kind: 'other', method: 'other', isStream: false, id: undefined, cancels: undefined }
  }
  const text = utf8(bytes)
  if (text === undefined) return problem('the body is not UTF-8')
  const parsed = parse(text)
  if (parsed === undefined) return problem('the body is not JSON')
  const shape = shapeOf(text)
  if (shape.problem !== undefined) return problem(`the message is ambiguous: ${shape.problem}`)
  const body = Array.isArray(parsed.value)
    ? batchOf(parsed.value, shape.ids, headers)
    : messageOf(parsed.value, shape.ids[0])
  return isHeaderRouted(headers) ? checked(body, headers) : body
}

function batchOf(
  items: readonly unknown[],
  ids: readonly (string | undefined)[],
  headers: McpHeaders,
): McpBody {
  const said = headers.version[0]?.trim() ?? ''
  if (REVISION.test(said) && said >= NO_BATCHES_SINCE)
    return problem(`there are no batches in the revision ${said}`)
  if (items.length === 0) return problem('the batch is empty')
  if (items.length > MOST_IN_BATCH) return problem(`the batch holds more than ${MOST_IN_BATCH} messages`)
  const messages: McpMessage[] = []
  const keys = new Set<string>()
  for (const [index, item] of items.entries()) {
    const message = messageOf(item, ids[index])
    if (message.kind === 'problem' || message.kind === 'batch') return message
    if (message.kind === 'call' && keys.has(message.call.idKey)) return problem('two calls have the same id')
    if (message.kind === 'call') keys.add(message.call.idKey)
    messages.push(message)
  }
  return { kind: 'batch', messages }
}

function messageOf(value: unknown, id: string | undefined): McpBody {
  if (!isObject(value)) return problem('a JSON-RPC message is an object')
  const method = value['method']
  if (method === undefined) {
    if (!('result' in value) && !('error' in value)) return problem('the message has no method')
    return { kind: 'other', method: 'response', isStream: false, id: undefined, cancels: undefined }
  }
  if (typeof method !== 'string') return problem('the method is not a string')
  if (ODD.test(method)) return problem('there are control characters in the method')
  if (id !== undefined && idKeyOf(value['id']) === undefined)
    return problem('the id is neither a string nor a number')
  if (id !== undefined && id.length > LONGEST_NAME) return problem('the id is too long')
  const params = isObject(value['params']) ? value['params'] : {}
  // A copy: what is cut out of a text keeps the whole of it.
  const written = id === undefined ? undefined : Buffer.from(id).toString()
  if (method === 'tools/call') return callOf(value['id'], written, params)
  return {
    kind: 'other',
    method: KNOWN.has(method) ? (method as McpMethod) : 'other',
    isStream: STREAMED.has(method),
    id: written,
    cancels: method === 'notifications/cancelled' ? idKeyOf(params['requestId']) : undefined,
  }
}

function callOf(
  id: unknown,
  written: string | undefined,
  params: Readonly<Record<string, unknown>>,
): McpBody {
  const idKey = idKeyOf(id)
  if (written === undefined || idKey === undefined)
    return problem('a tools/call needs an id, a string or a number')
  const name = params['name']
  if (typeof name !== 'string') return problem('params.name of a tools/call is not a string')
  if (name.length > LONGEST_NAME) return problem(`the tool's name is longer than ${LONGEST_NAME} characters`)
  if (ODD.test(name)) return problem('there are control characters, or half ones, in params.name')
  return { kind: 'call', call: { id: written, idKey, name } }
}

/** 1 and "1" are two ids, 1 and 1.0 are one. */
export function idKeyOf(id: unknown): string | undefined {
  return typeof id === 'string' || typeof id === 'number' ? `${typeof id}:${id}` : undefined
}

/** 2026-07-28: what the headers say has to be what the body says. A header that is missing is the server's to refuse. */
function checked(body: McpBody, headers: McpHeaders): McpBody {
  if (body.kind !== 'call' && body.kind !== 'other') return body
  if (headers.method.length > 1 || headers.name.length > 1)
    return problem('there is more than one Mcp-Method or Mcp-Name')
  const method = headers.method[0]?.trim()
  const isCall = body.kind === 'call'
  if (method !== undefined && (method === 'tools/call') !== isCall)
    return problem('Mcp-Method is not the method of the body')
  if (!isCall && method !== undefined && KNOWN.has(method) && method !== body.method)
    return problem('Mcp-Method is not the method of the body')
  const name = headers.name[0]
  if (isCall && name !== undefined && decoded(name.trim()) !== body.call.name)
    return problem('Mcp-Name is not the name in the body')
  return body
}

const ENCODED = /^=\?base64\?((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)\?=$/

/** undefined for what is no canonical base64 of UTF-8. */
function decoded(name: string): string | undefined {
  if (!(name.startsWith('=?base64?') && name.endsWith('?='))) return name
  const text = ENCODED.exec(name)?.[1]
  return text === undefined ? undefined : utf8(Buffer.from(text, 'base64'))
}

/** undefined for what is none. Where nothing had to be replaced, nothing was wrong: the slow look is for the rest. */
function utf8(bytes: Buffer): string | undefined {
  const text = bytes.toString('utf8')
  if (!text.includes('\uFFFD')) return text
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

function parse(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function problem(what: string) {
  return { kind: 'problem', what } as const
}
