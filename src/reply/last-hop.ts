/**
 * The answer to OPTIONS or TRACE whose Max-Forwards is used up (RFC 9110, 7.6.2): Spillway speaks as the last recipient,
 * which has no resource of its own and does not reflect TRACE, since that would show headers of proxies before it. Pure.
 */

import type { Answer } from './answer.ts'

/** What may be asked of tools through Spillway; CONNECT may not. */
const ALLOWED = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE'

export function lastHop(method: string): Answer {
  const headers = ['Allow', ALLOWED, 'Content-Length', '0', 'Cache-Control', 'no-store']
  return { status: method === 'OPTIONS' ? 200 : 405, headers, body: '' }
}
