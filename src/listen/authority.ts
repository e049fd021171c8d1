/**
 * Who may write through the admin listener. Off loopback: whoever has the token. On loopback: every process of this
 * host, but no web page that its user happens to look at (cross-site requests, DNS rebinding). Pure.
 */
import { timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

export type Authority =
  { readonly ok: true } | { readonly ok: false; readonly status: 401 | 403; readonly problem: string }

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1|\[::1\])$/i

export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host)
}

export function isAllowedToWrite(
  headers: IncomingHttpHeaders,
  listener: { readonly host: string; readonly token: string | undefined },
): Authority {
  const { host, token } = listener
  if (isLoopback(host)) return fromThisHost(headers)
  if (token === undefined || token === '') {
    const problem =
      'writing is off: the admin listener is not on loopback and SPILLWAY_ADMIN_TOKEN is not set'
    return { ok: false, status: 403, problem }
  }
  const sent = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1]
  if (sent !== undefined && isSame(sent, token)) return { ok: true }
  return {
    ok: false,
    status: 401,
    problem: 'send the header Authorization: Bearer with SPILLWAY_ADMIN_TOKEN',
  }
}

function fromThisHost(headers: IncomingHttpHeaders): Authority {
  const name = (headers.host ?? '').replace(/:\d+$/, '')
  if (isLoopback(name) && headers.origin === undefined) return { ok: true }
  return {
    ok: false,
    status: 403,
    problem: 'writing from web pages is refused: call this address by its loopback name',
  }
}

function isSame(a: string, b: string): boolean {
  const left = Buffer.from(a)
  const right = Buffer.from(b)
  return left.length === right.length && timingSafeEqual(left, right)
}
