/**
 * The answer to OPTIONS or TRACE whose Max-Forwards is used up (RFC 9110, 7.6.2): Spillway speaks as the last recipient,
 * which has no resource of its own and does not reflect TRACE, since that would show headers of proxies before it. Pure.
 */

/** What may be asked of tools through Spillway; CONNECT may not. */
const ALLOWED = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE'

export function lastHop(method: string): { status: number; headers: string[]; body: string } {
  const headers = ['Allow', ALLOWED, 'Content-Length', '0', 'Cache-Control', 'no-store']
  return { status: method === 'OPTIONS' ? 200 : 405, headers, body: '' }
}
