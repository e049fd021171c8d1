/**
 * The answer to OPTIONS or TRACE with Max-Forwards 0 (RFC 9110, 7.6.2): Spillway is then the final recipient. It has no
 * resources of its own, and it does not reflect TRACE, since that would show headers of proxies before it. Pure.
 */

import type { Answer } from './answer.ts'

/** The methods that are forwarded; CONNECT is not. */
const ALLOWED = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE'

export function lastHop(method: string): Answer {
  const headers = ['Allow', ALLOWED, 'Content-Length', '0', 'Cache-Control', 'no-store']
  return { status: method === 'OPTIONS' ? 200 : 405, headers, body: '' }
}
