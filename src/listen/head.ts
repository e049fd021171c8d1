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
export type Malformed = 'BAD_REQUEST' | 'HEADERS_TOO_LARGE' | 'REQUEST_TIMEOUT'

export interface Flaw {
  readonly reason: Malformed
  /** For people; a sentence without secrets. */
  readonly detail: string
}

/** node's parser also takes a missing version (HTTP/0.9) and HTTP/2.0, and reads both as if they were HTTP/1.1. */
export function flawOf({ rawHeaders, httpVersion, httpVersionMajor }: IncomingMessage): Flaw | undefined {
  if (httpVersionMajor !== 1)
    return {
      reason: 'BAD_REQUEST',
      detail: `only HTTP/1.1 and HTTP/1.0 are spoken here, not HTTP/${httpVersion}`,
    }
  if (rawHeaders.length > 2 * MAX_HEADER_LINES)
    return { reason: 'HEADERS_TOO_LARGE', detail: `more than ${MAX_HEADER_LINES} lines` }
  return undefined
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
