/**
 * The request headers that the reading of a message depends on: the content type, the protocol revision, and the routing
 * headers `Mcp-Method` and `Mcp-Name`, which have to agree with the body. Pure.
 */
import type { McpMessage } from './message.ts'
import { isMcpMethod } from './message.ts'
import { headerValues } from '../upstream/headers.ts'

/** All values of each header, in the order in which they came. */
export interface McpHeaders {
  readonly contentType: readonly string[]
  readonly contentEncoding: readonly string[]
  /** MCP-Protocol-Version. */
  readonly version: readonly string[]
  /** Mcp-Method. */
  readonly method: readonly string[]
  /** Mcp-Name. */
  readonly name: readonly string[]
}

/** What a revision of the protocol says about requests. A revision is named by its date. */
export interface Revision {
  /** Undefined without a well-formed MCP-Protocol-Version: the oldest revisions do not send it. */
  readonly date: string | undefined
  /** A body may hold a list of messages. */
  readonly hasBatches: boolean
  /** `Mcp-Method` and `Mcp-Name` repeat what the body says. */
  readonly hasRoutingHeaders: boolean
  /** Closing the connection cancels the call. */
  readonly closingCancels: boolean
  /** A result says whether it is complete. */
  readonly hasResultType: boolean
}

const DATE = /^\d{4}-\d{2}-\d{2}$/
/** The first revision without batches. */
const NO_BATCHES_SINCE = '2025-06-18'
/** The first revision with routing headers, result types, and cancelling by closing the connection. */
const ROUTING_HEADERS_SINCE = '2026-07-28'

const JSON_TYPE = /^\s*application\/json\s*(?:;\s*charset\s*=\s*"?utf-?8"?\s*)?;?\s*$/i
/** Characters of a content type that are matched: the pattern takes quadratic time over a long run of spaces. */
const MAX_TYPE_CHARACTERS = 256
/** A content type under which some servers parse JSON all the same, or a charset in which JSON could be disguised. */
const LIKE_JSON = /json|charset\s*=\s*"?(?!(?:utf-?8|us-ascii|iso-8859-1)"?\s*(?:;|$))/i
/** Base64 (RFC 4648, 4), in which clients write a name that a header value cannot hold. */
const ENCODED = /^=\?base64\?((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)\?=$/

/** `raw`: the flat list of names and values that node:http gives. */
export function mcpHeadersOf(raw: readonly string[]): McpHeaders {
  return {
    contentType: headerValues(raw, 'content-type'),
    contentEncoding: headerValues(raw, 'content-encoding'),
    version: headerValues(raw, 'mcp-protocol-version'),
    method: headerValues(raw, 'mcp-method'),
    name: headerValues(raw, 'mcp-name'),
  }
}

export function revisionOf({ version }: Pick<McpHeaders, 'version'>): Revision {
  const text = version[0]?.trim() ?? ''
  const date = DATE.test(text) ? text : undefined
  // Dates of this form compare as text.
  const isRouted = date !== undefined && date >= ROUTING_HEADERS_SINCE
  return {
    date,
    hasBatches: date === undefined || date < NO_BATCHES_SINCE,
    hasRoutingHeaders: isRouted,
    closingCancels: isRouted,
    hasResultType: isRouted,
  }
}

/** Why no body under these headers can be read; undefined when one can. */
export function headersProblem({ version, contentType, contentEncoding }: McpHeaders): string | undefined {
  if (version.length > 1) return 'there is more than one MCP-Protocol-Version'
  if (contentType.length > 1) return 'there is more than one Content-Type'
  if (contentEncoding.some((coding) => coding.trim().toLowerCase() !== 'identity'))
    return 'an encoded body cannot be read: send it without Content-Encoding'
  return undefined
}

/** `like-json`: not declared as it should be, but a lenient server could parse the body as JSON. */
export function contentTypeOf({ contentType }: McpHeaders): 'json' | 'like-json' | 'other' {
  const [type = ''] = contentType
  if (type.length <= MAX_TYPE_CHARACTERS && JSON_TYPE.test(type)) return 'json'
  return LIKE_JSON.test(type) ? 'like-json' : 'other'
}

/** How the routing headers contradict the body. A header that is missing is not our affair: the server refuses it. */
export function contradiction(message: McpMessage, headers: McpHeaders): string | undefined {
  if (headers.method.length > 1 || headers.name.length > 1)
    return 'there is more than one Mcp-Method or Mcp-Name'
  const method = headers.method[0]?.trim()
  const name = headers.name[0]?.trim()
  if (message.kind === 'call') {
    if (method !== undefined && method !== 'tools/call') return OTHER_METHOD
    return name !== undefined && decodedName(name) !== message.call.name ? OTHER_NAME : undefined
  }
  if (method === undefined) return undefined
  if (method === 'tools/call') return OTHER_METHOD
  const inBody = message.kind === 'response' ? undefined : message.method
  return isMcpMethod(method) && method !== inBody ? OTHER_METHOD : undefined
}

const OTHER_METHOD = 'Mcp-Method is not the method of the body'
const OTHER_NAME = 'Mcp-Name is not the name in the body'

/** The name that a header stands for; undefined when it is neither plain text nor canonical base64 of UTF-8. */
function decodedName(name: string): string | undefined {
  if (!(name.startsWith('=?base64?') && name.endsWith('?='))) return name
  const text = ENCODED.exec(name)?.[1]
  return text === undefined ? undefined : utf8Text(Buffer.from(text, 'base64'))
}

/** Undefined for malformed UTF-8. The decoder that reports an error is slow, so it runs only after a replacement. */
function utf8Text(bytes: Buffer): string | undefined {
  const text = bytes.toString('utf8')
  if (!text.includes('\uFFFD')) return text
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
