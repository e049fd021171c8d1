/**
 * Decisions that need only the head of a request: whether it is HTTP/1.x in a form that can be forwarded unchanged, and
 * whether the caller asks for another protocol. Pure.
 */
import type { IncomingMessage } from 'node:http'

/** Bytes of request line and headers (node's default, fixed here). */
export const MAX_HEADER_BYTES = 16_384
/** Lines. Apache and Envoy allow 100. node 22 silently drops lines beyond the 1,000th, so the bound must be lower. */
const MAX_HEADER_LINES = 256

/** The reasons of requests that node's parser or a listener refuses. */
export type Malformed = 'BAD_REQUEST' | 'TARGET_TOO_LONG' | 'HEADERS_TOO_LARGE' | 'REQUEST_TIMEOUT'

export interface RequestFlaw {
  readonly reason: Malformed
  /** For people; a sentence without secrets. */
  readonly detail: string
}

/** node's parser also accepts a missing version (HTTP/0.9) and HTTP/2.0, and reads both as HTTP/1.1. */
export function flawOf({
  headers,
  rawHeaders,
  httpVersion,
  httpVersionMajor,
}: IncomingMessage): RequestFlaw | undefined {
  if (httpVersionMajor !== 1)
    return {
      reason: 'BAD_REQUEST',
      detail: `only HTTP/1.1 and HTTP/1.0 are spoken here, not HTTP/${httpVersion}`,
    }
  if (rawHeaders.length > 2 * MAX_HEADER_LINES)
    return { reason: 'HEADERS_TOO_LARGE', detail: `more than ${MAX_HEADER_LINES} lines` }
  // Most requests have no transfer coding, and this look-up is cheaper than a search of all lines.
  return headers['transfer-encoding'] === undefined ? undefined : codingFlaw(rawHeaders, httpVersion)
}

/** Only the white space of RFC 9110, 5.6.3, is allowed. */
const CHUNKED = /^[ \t]*chunked[ \t]*$/i

/**
 * RFC 9112, 6.1: HTTP/1.0 has no transfer codings, and a proxy must decode all codings of HTTP/1.1 or refuse the request.
 * node's parser decodes only the last coding and ignores the others, or closes the connection without an answer.
 */
function codingFlaw(rawHeaders: readonly string[], httpVersion: string): RequestFlaw | undefined {
  let isChunked = false
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if ((rawHeaders[i] ?? '').toLowerCase() !== 'transfer-encoding') continue
    if (isChunked || httpVersion === '1.0' || !CHUNKED.test(rawHeaders[i + 1] ?? ''))
      return { reason: 'BAD_REQUEST', detail: 'of transfer codings only chunked is understood, in HTTP/1.1' }
    isChunked = true
  }
  return undefined
}

/** If an HTTP/1.0 request asks for both keep-alive and close, node keeps the connection; RFC 9112, 9.3, closes it. */
export function asksToClose({ headers, httpVersion }: IncomingMessage): boolean {
  return httpVersion === '1.0' && /(?:^|,)\s*close\s*(?:,|$)/i.test(headers.connection ?? '')
}

/** The last piece of a head looks like a request line without an end. The pieces before it are not known here. */
const ENDLESS_LINE = /^(?:\r?\n)*[!-~]{1,32} [^\s]*$/

/** Which part of the head is too large: RFC 9112, 3, has a status of its own for the target. */
export function overflowOf(piece: Buffer): RequestFlaw {
  return ENDLESS_LINE.test(piece.toString('latin1', 0, MAX_HEADER_BYTES))
    ? { reason: 'TARGET_TOO_LONG', detail: `more than ${MAX_HEADER_BYTES} bytes` }
    : { reason: 'HEADERS_TOO_LARGE', detail: `more than ${MAX_HEADER_BYTES} bytes` }
}

/** One protocol, and no other version of HTTP: h2c would carry many requests within one lease. */
const TUNNEL_PROTOCOL = /^(?!h2c$|http\b|tls\b)[A-Za-z0-9!#$%&'*+.^_`|~-]+(?:\/[A-Za-z0-9.]+)?$/i

/** RFC 9110, 7.8: HTTP/1.0 has no upgrade, and a body would have to arrive whole first. Any other Upgrade is ignored. */
export function isTunnel({ method, headers, httpVersion }: IncomingMessage): boolean {
  if (method !== 'GET' || httpVersion !== '1.1' || !TUNNEL_PROTOCOL.test(headers.upgrade ?? '')) return false
  return headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0'
}

/** The head as bytes, without its Upgrade header. */
export function withoutUpgrade({ method = '', url = '', httpVersion, rawHeaders }: IncomingMessage): Buffer {
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = rawHeaders.slice(i, i + 2)
    if (name.toLowerCase() !== 'upgrade') lines.push(`${name}: ${value}`)
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}
