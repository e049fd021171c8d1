/**
 * What the listener decides by the head of a request alone: whether this is HTTP/1.x in a form that can be forwarded
 * whole, and whether the caller asks to leave HTTP. Pure.
 */
import type { IncomingMessage } from 'node:http'

/** Bytes of request line and headers (node's default, fixed here). */
export const MAX_HEADER_BYTES = 16_384
/** Lines. Apache and Envoy take 100; node 22 would drop all beyond the 1,000th, so the bound has to come before that. */
export const MAX_HEADER_LINES = 256

/** Requests that node's parser or this listener could not make a call of. */
export type Malformed = 'BAD_REQUEST' | 'TARGET_TOO_LONG' | 'HEADERS_TOO_LARGE' | 'REQUEST_TIMEOUT'

export interface Flaw {
  readonly reason: Malformed
  /** For people; a sentence without secrets. */
  readonly detail: string
}

/** node's parser also takes a missing version (HTTP/0.9) and HTTP/2.0, and reads both as if they were HTTP/1.1. */
export function flawOf({
  headers,
  rawHeaders,
  httpVersion,
  httpVersionMajor,
}: IncomingMessage): Flaw | undefined {
  if (httpVersionMajor !== 1)
    return {
      reason: 'BAD_REQUEST',
      detail: `only HTTP/1.1 and HTTP/1.0 are spoken here, not HTTP/${httpVersion}`,
    }
  if (rawHeaders.length > 2 * MAX_HEADER_LINES)
    return { reason: 'HEADERS_TOO_LARGE', detail: `more than ${MAX_HEADER_LINES} lines` }
  // node has these at hand; the lines need not be searched for most requests.
  return headers['transfer-encoding'] === undefined ? undefined : codingFlaw(rawHeaders, httpVersion)
}

/** No other white space than RFC 9110, 5.6.3, names. */
const CHUNKED = /^[ \t]*chunked[ \t]*$/i

/**
 * RFC 9112, 6.1: HTTP/1.0 has no transfer codings, and of those that HTTP/1.1 has a proxy must decode all or refuse.
 * node's parser decodes the last one and lets the others pass unseen; for the rest it cuts the connection without a word.
 */
function codingFlaw(rawHeaders: readonly string[], httpVersion: string): Flaw | undefined {
  let isChunked = false
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if ((rawHeaders[i] ?? '').toLowerCase() !== 'transfer-encoding') continue
    if (isChunked || httpVersion === '1.0' || !CHUNKED.test(rawHeaders[i + 1] ?? ''))
      return { reason: 'BAD_REQUEST', detail: 'of transfer codings only chunked is understood, in HTTP/1.1' }
    isChunked = true
  }
  return undefined
}

/** node's parser keeps an HTTP/1.0 connection that asks for both keep-alive and close; RFC 9112, 9.3, closes it. */
export function asksToClose({ headers, httpVersion }: IncomingMessage): boolean {
  return httpVersion === '1.0' && /(?:^|,)\s*close\s*(?:,|$)/i.test(headers.connection ?? '')
}

/** A request line without an end, as far as the last piece shows: of the pieces before it nothing is known here. */
const ENDLESS_LINE = /^(?:\r?\n)*[!-~]{1,32} [^\s]*$/

/** RFC 9112, 3: a target that is too long has a status of its own. */
export function overflowOf(piece: Buffer): Flaw {
  return ENDLESS_LINE.test(piece.toString('latin1', 0, MAX_HEADER_BYTES))
    ? { reason: 'TARGET_TOO_LONG', detail: `more than ${MAX_HEADER_BYTES} bytes` }
    : { reason: 'HEADERS_TOO_LARGE', detail: `more than ${MAX_HEADER_BYTES} bytes` }
}

/** One protocol that is not another HTTP: h2c would carry requests past the lane inside one lease. */
const TUNNEL_PROTOCOL = /^(?!h2c$|http\b|tls\b)[A-Za-z0-9!#$%&'*+.^_`|~-]+(?:\/[A-Za-z0-9.]+)?$/i

/** RFC 9110, 7.8: HTTP/1.0 has no upgrade, and a body would have to come whole before it. Any other Upgrade is ignored. */
export function isTunnel({ method, headers, httpVersion }: IncomingMessage): boolean {
  if (method !== 'GET' || httpVersion !== '1.1' || !TUNNEL_PROTOCOL.test(headers.upgrade ?? '')) return false
  return headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0'
}

/** The head once more, as bytes, without the wish to upgrade. */
export function withoutUpgrade({ method = '', url = '', httpVersion, rawHeaders }: IncomingMessage): Buffer {
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = rawHeaders.slice(i, i + 2)
    if (name.toLowerCase() !== 'upgrade') lines.push(`${name}: ${value}`)
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}
