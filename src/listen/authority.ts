/**
 * Decides whether a request may read or write through the admin listener. A web page in an operator's browser may do neither
 * (cross-site requests, DNS rebinding). A program on loopback may do both. On other addresses every program may read, and
 * writing needs the token. Pure.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Denial } from '../reply/admin.ts'

/** The parts of a request that matter here. */
export type Asking = Pick<IncomingMessage, 'headers' | 'httpVersion'>

export interface ListenerAddress {
  /** The address the listener is bound to. */
  readonly host: string
  readonly token: string | undefined
}

const LOOPBACK = /^(?:localhost\.?|127(?:\.\d{1,3}){3}|::1|\[::1\])$/i

export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host)
}

/** Why the request may not read; undefined when it may. */
export function denialOfReading(asking: Asking, listener: ListenerAddress): Denial | undefined {
  const { headers, httpVersion } = asking
  if (isLoopback(listener.host)) {
    // Only HTTP/1.0 may leave out Host, and no browser speaks it.
    const isPlain = headers.host === undefined && httpVersion === '1.0'
    if (!isPlain && !isLoopback(nameIn(headers.host))) return 'foreign_host'
  }
  // A link may be followed, but other requests of pages are refused: without CORS headers a page could not read the answer,
  // but it could hold connections.
  return isFromPage(asking) && headers['sec-fetch-mode'] !== 'navigate' ? 'page' : undefined
}

/** Why the request may not write; undefined when it may. */
export function denialOfWriting(asking: Asking, { host, token }: ListenerAddress): Denial | undefined {
  const { headers } = asking
  if (isFromPage(asking)) return 'page'
  if (isLoopback(host)) return isLoopback(nameIn(headers.host)) ? undefined : 'foreign_host'
  if (token === undefined || token === '') return 'no_token_set'
  const sent = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1]
  return sent !== undefined && isSame(sent, token) ? undefined : 'wrong_token'
}

/**
 * Before a PATCH, PUT or DELETE of a page the browser sends a preflight request, which is never granted here. A POST can be
 * sent without one, with any body; the Fetch standard then makes the browser send Origin, possibly as `null`. Sec-Fetch-Site
 * and Referer are further signs, for older browsers and for browsers that hide Origin.
 */
function isFromPage({ headers }: Asking): boolean {
  const site = headers['sec-fetch-site']
  return (
    headers.origin !== undefined ||
    (headers.referer !== undefined && !isSameHost(headers.referer, headers.host)) ||
    (site !== undefined && site !== 'none' && site !== 'same-origin')
  )
}

function isSameHost(referer: string, host: string | undefined): boolean {
  return URL.canParse(referer) && new URL(referer).host === host
}

/** Without its port. */
function nameIn(host: string | undefined): string {
  return (host ?? '').replace(/:\d+$/, '')
}

/** Takes the same time whatever was sent: digests have one length. */
function isSame(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
