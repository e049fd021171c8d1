/**
 * Decides which headers cross the proxy in both directions, and which ones Spillway writes itself. Works on the parsers'
 * flat lists of names and values, so that the hot path builds no objects and repeated headers stay repeated. Pure.
 */

/** Headers of one connection (RFC 9110, 7.6.1), and those that older clients send for the same purpose. */
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

/** Spillway writes these for the tool; a header that is added to `requestHeaders` is named here, too. */
export const WRITTEN_FOR_TOOL = [
  'host',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-request-id',
] as const

/** Not copied to the tool: Spillway writes its own value, answers it (expect), or cannot pass trailers (trailer). */
const REPLACED: ReadonlySet<string> = new Set([...HOP_BY_HOP, ...WRITTEN_FOR_TOOL, 'expect', 'trailer'])

const OWN_PREFIX = 'x-spillway-'
/** In Via, after the version that the caller spoke (RFC 9110, 7.6.3). */
const PSEUDONYM = 'spillway'
/** More hops than any route has; larger values may be lowered to it (RFC 9110, 7.6.2). */
const MOST_HOPS = 999_999_999
/** Connection options that name no header. */
const PLAIN_CONNECTION = /^\s*(?:keep-alive|close)\s*$/i

/** Values of the headers that Spillway writes itself. */
export interface OwnHeaderValues {
  /** The Host that the tool sees. */
  readonly host: string
  /** The Host that the caller wrote; empty when it wrote none. */
  readonly callerHost: string
  /** The caller's address. */
  readonly peer: string
  readonly requestId: string
  /** Of the caller's request line, for example `1.1`. */
  readonly httpVersion: string
  /** Result of `hopsLeft`. */
  readonly hops: number | undefined
}

/** The headers for the tool, made from the caller's; `raw`: flat list of names and values, as node:http gives it. */
export function requestHeaders(raw: readonly string[], own: OwnHeaderValues): string[] {
  const named = namedByConnection(raw)
  const out = ['host', own.host]
  let via = ''
  let forwardedFor = ''
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    const lower = name.toLowerCase()
    // A caller must not remove the addresses that earlier proxies added, or it could pose as another client.
    if (named?.has(lower) === true && lower !== 'x-forwarded-for') continue
    if (REPLACED.has(lower)) {
      if (lower === 'via') via += `${raw[i + 1] as string}, `
      else if (lower === 'x-forwarded-for') forwardedFor += `${raw[i + 1] as string}, `
    } else if (lower === 'max-forwards' && own.hops !== undefined) {
      out.push(name, String(own.hops - 1))
    } else if (!lower.startsWith(OWN_PREFIX)) out.push(name, raw[i + 1] as string)
  }
  out.push('x-forwarded-for', forwardedFor + own.peer, 'x-forwarded-proto', 'http')
  out.push('via', `${via}${own.httpVersion} ${PSEUDONYM}`)
  if (own.callerHost !== '') out.push('x-forwarded-host', own.callerHost)
  out.push('x-request-id', own.requestId)
  return out
}

/** The headers for the caller, made from the tool's; `raw`: as undici gives it. Adds none. */
export function responseHeaders(raw: readonly (Buffer | string)[]): string[] {
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
 * How many proxies may still forward the request (Max-Forwards); undefined without that header. It applies only to
 * OPTIONS and TRACE (RFC 9110, 7.6.2).
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
 * Headers that frame, route, authenticate or describe the content must not be trailers (RFC 9110, 6.5.1). A recipient that
 * merges trailers into the head would act on them.
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

/** The headers of a flat list that are allowed as trailers. */
export function trailerPairs(flat: readonly string[]): [string, string][] {
  const out: [string, string][] = []
  for (let i = 0; i < flat.length; i += 2) {
    if (!NO_TRAILER.has((flat[i] as string).toLowerCase()))
      out.push([flat[i] as string, flat[i + 1] as string])
  }
  return out
}
