/**
 * What a POST to an MCP server (Streamable HTTP) is: calls of tools, which take a lane, or other traffic, which does not.
 * The body decides; since 2026-07-28 the routing headers have to agree with it. Pure. What two readers could read
 * differently is a problem, never a guess. Must not know lanes or sockets.
 */
import { ShapeReader } from './json-shape.ts'
import type { BodyShape, Field, MessageShape } from './json-shape.ts'

/** Since this revision headers name method and tool, and closing the connection cancels. Revisions are dates. */
export const HEADERS_SINCE = '2026-07-28'
/** The first revision without batches. */
const NO_BATCHES_SINCE = '2025-06-18'
const REVISION = /^\d{4}-\d{2}-\d{2}$/
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
/** Characters of a content type that is looked at: the pattern takes quadratic time for one that is full of blank. */
const LONGEST_TYPE = 256
/** What some servers take for JSON, though it is not said as it should be: in another charset it could say anything. */
const LIKE_JSON = /json|charset\s*=\s*"?(?!(?:utf-?8|us-ascii|iso-8859-1)"?\s*(?:;|$))/i
/** What may stand before JSON in some encoding, and what JSON begins with. */
const BEFORE_JSON = /^[\s\p{Cc}\uFEFF\uFFFD]*/u
const STARTS_JSON = /^[{[]/
/** What a reader may end a text at, or leave out. */
const ODD = /[\p{Cc}\p{Cs}]/u

/** Whether the caller speaks a revision in which headers route and closing cancels. */
export function isHeaderRouted({ version }: Pick<McpHeaders, 'version'>): boolean {
  const said = version[0]?.trim() ?? ''
  return REVISION.test(said) && said >= HEADERS_SINCE
}

/** Reads one body in steps, of which each takes time for as many bytes as it may look at. */
export class McpReader {
  readonly #headers: McpHeaders
  readonly #step: (mostBytes: number) => McpBody | undefined

  constructor(bytes: Buffer, headers: McpHeaders) {
    const what = headersProblem(headers)
    this.#headers = headers
    if (what !== undefined) this.#step = () => problem(what)
    else if (isJsonType(headers.contentType[0])) this.#step = this.#message(new ShapeReader(bytes))
    else this.#step = noMessage(bytes, headers.contentType[0] ?? '')
  }

  /** Looks at so many bytes more; undefined while there are others. */
  step(mostBytes: number): McpBody | undefined {
    return this.#step(mostBytes)
  }

  #message(shape: ShapeReader): (mostBytes: number) => McpBody | undefined {
    return (mostBytes) => {
      const read = shape.step(mostBytes)
      if (read === undefined) return undefined
      const body = bodyOf(read, this.#headers)
      return isHeaderRouted(this.#headers) ? checked(body, this.#headers) : body
    }
  }
}

/** Reads it at once. */
export function readMcp(bytes: Buffer, headers: McpHeaders): McpBody {
  return new McpReader(bytes, headers).step(Infinity) ?? problem('the body is not JSON')
}

function headersProblem({ version, contentType, contentEncoding }: McpHeaders): string | undefined {
  if (version.length > 1) return 'there is more than one MCP-Protocol-Version'
  if (contentType.length > 1) return 'there is more than one Content-Type'
  if (contentEncoding.some((each) => each.trim().toLowerCase() !== 'identity'))
    return 'an encoded body cannot be read: send it without Content-Encoding'
  return undefined
}

function isJsonType(type: string | undefined): boolean {
  return type !== undefined && type.length <= LONGEST_TYPE && JSON_TYPE.test(type)
}

/** A form for an authorization endpoint passes; a message that a lenient server would read after all does not. */
function noMessage(bytes: Buffer, type: string): (mostBytes: number) => McpBody | undefined {
  const refused = problem('an MCP message needs Content-Type: application/json')
  const passes: McpBody = {
    kind: 'other',
    method: 'other',
    isStream: false,
    id: undefined,
    cancels: undefined,
  }
  if (LIKE_JSON.test(type)) return () => refused
  let at = 0
  return (mostBytes) => {
    const end = endOfCharacter(bytes, Math.min(bytes.length, at + mostBytes))
    const text = bytes.toString('utf8', at, end)
    const rest = text.slice(BEFORE_JSON.exec(text)?.[0].length)
    at = end
    if (rest !== '') return STARTS_JSON.test(rest) ? refused : passes
    return at < bytes.length ? undefined : passes
  }
}

/** The next offset at which no UTF-8 character is cut in two. */
function endOfCharacter(bytes: Buffer, offset: number): number {
  let end = offset
  while (end < offset + 3 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end++
  return end
}

function bodyOf(shape: BodyShape, headers: McpHeaders): McpBody {
  switch (shape.kind) {
    case 'problem':
      return shape
    case 'message':
      return messageOf(shape.message)
    case 'batch':
      return batchOf(shape.messages, headers)
    default:
      return shape satisfies never
  }
}

function batchOf(items: readonly MessageShape[], headers: McpHeaders): McpBody {
  const said = headers.version[0]?.trim() ?? ''
  if (REVISION.test(said) && said >= NO_BATCHES_SINCE)
    return problem(`there are no batches in the revision ${said}`)
  if (items.length === 0) return problem('the batch is empty')
  const messages: McpMessage[] = []
  const keys = new Set<string>()
  for (const item of items) {
    const message = messageOf(item)
    if (message.kind === 'problem' || message.kind === 'batch') return message
    if (message.kind === 'call' && keys.has(message.call.idKey)) return problem('two calls have the same id')
    if (message.kind === 'call') keys.add(message.call.idKey)
    messages.push(message)
  }
  return { kind: 'batch', messages }
}

function messageOf(shape: MessageShape): McpBody {
  if (shape.method.kind === 'absent') {
    if (!shape.isAnswer) return problem('the message has no method')
    return { kind: 'other', method: 'response', isStream: false, id: undefined, cancels: undefined }
  }
  const method = valueOf(shape.method)
  const written = shape.id.kind === 'scalar' ? shape.id.json : undefined
  if (shape.method.kind !== 'too long' && typeof method !== 'string')
    return problem('the method is not a string')
  if (typeof method !== 'string' || method.length > LONGEST_NAME) return problem('the method is too long')
  if (ODD.test(method)) return problem('there are control characters in the method')
  if (shape.id.kind === 'too long' || (written?.length ?? 0) > LONGEST_NAME)
    return problem('the id is too long')
  const idKey = idKeyOf(valueOf(shape.id))
  if (shape.id.kind !== 'absent' && idKey === undefined)
    return problem('the id is neither a string nor a number')
  if (method === 'tools/call') return callOf(shape.name, written, idKey)
  return {
    kind: 'other',
    method: KNOWN.has(method) ? (method as McpMethod) : 'other',
    isStream: STREAMED.has(method),
    id: written,
    cancels: method === 'notifications/cancelled' ? idKeyOf(valueOf(shape.requestId)) : undefined,
  }
}

function callOf(field: Field, id: string | undefined, idKey: string | undefined): McpBody {
  if (id === undefined || idKey === undefined)
    return problem('a tools/call needs an id, a string or a number')
  const name = valueOf(field)
  if (field.kind !== 'too long' && typeof name !== 'string')
    return problem('params.name of a tools/call is not a string')
  if (typeof name !== 'string' || name.length > LONGEST_NAME)
    return problem(`the tool's name is longer than ${LONGEST_NAME} characters`)
  if (ODD.test(name)) return problem('there are control characters, or half ones, in params.name')
  return { kind: 'call', call: { id, idKey, name } }
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

function valueOf(field: Field): unknown {
  return field.kind === 'scalar' ? (JSON.parse(field.json) as unknown) : undefined
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

function problem(what: string) {
  return { kind: 'problem', what } as const
}
