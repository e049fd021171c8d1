/**
 * Which headers cross the proxy, in both directions. Pure, on flat lists of names and values as the parsers give them:
 * no objects are built on the hot path, and repeated headers stay repeated.
 */

/** RFC 9110, 7.6.1, and what older clients send in its place. They speak of one connection, not of the message. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
])

/** Not passed to the tool: answered here (expect), said anew below, or without a way through (trailer). */
const REPLACED = new Set([
  ...HOP_BY_HOP,
  'expect',
  'trailer',
  'host',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-request-id',
])

const OWN_PREFIX = 'x-spillway-'
/** In Via, after the version that the caller spoke (RFC 9110, 7.6.3). */
const PSEUDONYM = 'spillway'
/** More hops than any way has: what is beyond it may be lowered to it (RFC 9110, 7.6.2). */
const MOST_HOPS = 999_999_999
/** Connection options that name no header. */
const PLAIN_CONNECTION = /^\s*(?:keep-alive|close)\s*$/i

export interface Forwarding {
  /** The Host that the tool sees. */
  readonly host: string
  /** The Host that the caller wrote; empty when it wrote none. */
  readonly callerHost: string
  /** The caller's address. */
  readonly peer: string
  readonly requestId: string
  /** Of the caller's request line, for example `1.1`. */
  readonly httpVersion: string
  /** What `hopsLeft` says. */
  readonly hops: number | undefined
}

/** The tool's headers out of the caller's: `raw` is name, value, name, value as node:http gives it. */
export function toTool(raw: readonly string[], forwarding: Forwarding): string[] {
  const named = namedByConnection(raw)
  const out = ['host', forwarding.host]
  let via = ''
  let forwardedFor = ''
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    const lower = name.toLowerCase()
    // The addresses that earlier proxies told are kept: nobody may pass for the one who stands before Spillway.
    if (named?.has(lower) === true && lower !== 'x-forwarded-for') continue
    if (REPLACED.has(lower)) {
      if (lower === 'via') via += `${raw[i + 1] as string}, `
      else if (lower === 'x-forwarded-for') forwardedFor += `${raw[i + 1] as string}, `
    } else if (lower === 'max-forwards' && forwarding.hops !== undefined) {
      out.push(name, String(forwarding.hops - 1))
    } else if (!lower.startsWith(OWN_PREFIX)) out.push(name, raw[i + 1] as string)
  }
  out.push('x-forwarded-for', forwardedFor + forwarding.peer, 'x-forwarded-proto', 'http')
  out.push('via', `${via}${forwarding.httpVersion} ${PSEUDONYM}`)
  if (forwarding.callerHost !== '') out.push('x-forwarded-host', forwarding.callerHost)
  out.push('x-request-id', forwarding.requestId)
  return out
}

/** The caller's headers out of the tool's: `raw` as undici gives it. Adds nothing. */
export function toCaller(raw: readonly (Buffer | string)[]): string[] {
  const text = raw.map((part) => (typeof part === 'string' ? part : part.toString('latin1')))
  const named = namedByConnection(text)
  const out: string[] = []
  for (let i = 0; i < text.length; i += 2) {
    const lower = (text[i] as string).toLowerCase()
    if (HOP_BY_HOP.has(lower) || lower.startsWith(OWN_PREFIX) || named?.has(lower) === true) continue
    out.push(text[i] as string, text[i + 1] as string)
  }
  return out
}

/**
 * By how many proxies the request may still be passed on; undefined where it does not say so. Only OPTIONS and TRACE
 * are counted (RFC 9110, 7.6.2).
 */
export function hopsLeft(method: string | undefined, raw: readonly string[]): number | undefined {
  if (method !== 'OPTIONS' && method !== 'TRACE') return undefined
  const value = headerValue(raw, 'max-forwards')
  return value !== undefined && /^[0-9]+$/.test(value) ? Math.min(Number(value), MOST_HOPS) : undefined
}

/** The first value of a header in a flat list; `lower` is its name in lower case. */
export function headerValue(raw: readonly string[], lower: string): string | undefined {
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    if (name.length === lower.length && name.toLowerCase() === lower) return raw[i + 1]
  }
  return undefined
}

/** All values of a header, in order. */
export function headerValues(raw: readonly string[], lower: string): string[] {
  const values: string[] = []
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    if (name.length === lower.length && name.toLowerCase() === lower) values.push(raw[i + 1] as string)
  }
  return values
}

function namedByConnection(raw: readonly string[]): Set<string> | undefined {
  let named: Set<string> | undefined
  for (const value of headerValues(raw, 'connection')) {
    if (PLAIN_CONNECTION.test(value)) continue
    named ??= new Set()
    for (const option of value.split(',')) named.add(option.trim().toLowerCase())
  }
  return named
}

/** Whether the answer is a stream of server-sent events; flat list. */
export function isEventStream(headers: readonly string[]): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    if (name.length === 12 && name.toLowerCase() === 'content-type') {
      return (headers[i + 1] as string).toLowerCase().startsWith('text/event-stream')
    }
  }
  return false
}

/**
 * RFC 9110, 6.5.1: what frames, routes, authenticates or explains the content is read before the body, or not at all. A
 * recipient that merges trailers into the head would be misled by it.
 */
const NO_TRAILER = new Set([
  'authorization',
  'cache-control',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'host',
  'location',
  'set-cookie',
  'trailer',
  'www-authenticate',
])

/** Those of a flat list that may be trailers. */
export function trailerPairs(flat: readonly string[]): [string, string][] {
  const out: [string, string][] = []
  for (let i = 0; i < flat.length; i += 2) {
    if (!NO_TRAILER.has((flat[i] as string).toLowerCase()))
      out.push([flat[i] as string, flat[i + 1] as string])
  }
  return out
}
