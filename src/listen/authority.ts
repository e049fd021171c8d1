/**
 * Who may read and write through the admin listener. No web page that an operator happens to look at may do either
 * (cross-site requests, DNS rebinding). Programs: on loopback every process of this host; elsewhere reading is open, and
 * writing needs the token. Pure.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Denial } from '../reply/admin.ts'

/** What is looked at of a request. */
export type Asking = Pick<IncomingMessage, 'headers' | 'httpVersion'>

export interface Listener {
  /** The address the listener is bound to. */
  readonly host: string
  readonly token: string | undefined
}

const LOOPBACK = /^(?:localhost\.?|127(?:\.\d{1,3}){3}|::1|\[::1\])$/i

export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host)
}

/** Why the request may not read; undefined when it may. */
export function denialOfReading(asking: Asking, listener: Listener): Denial | undefined {
  const { headers, httpVersion } = asking
  if (isLoopback(listener.host)) {
    // Only HTTP/1.0 may leave out Host, and no browser speaks it.
    const isPlain = headers.host === undefined && httpVersion === '1.0'
    if (!isPlain && !isLoopback(nameIn(headers.host))) return 'foreign_host'
  }
  // A page may be opened, but not read by another: without CORS headers it could not, yet it could hold connections.
  return isFromPage(asking) && headers['sec-fetch-mode'] !== 'navigate' ? 'page' : undefined
}

/** Why the request may not write; undefined when it may. */
export function denialOfWriting(asking: Asking, { host, token }: Listener): Denial | undefined {
  const { headers } = asking
  if (isFromPage(asking)) return 'page'
  if (isLoopback(host)) return isLoopback(nameIn(headers.host)) ? undefined : 'foreign_host'
  if (token === undefined || token === '') return 'no_token_set'
  const sent = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1]
  return sent !== undefined && isSame(sent, token) ? undefined : 'wrong_token'
}

/**
 * PATCH, PUT and DELETE of a page are preceded by a preflight, which is never granted here. A POST can be sent without
 * one, with any body and without leave to read the answer; then the Fetch standard makes the browser send Origin, if only
 * as `null`. Sec-Fetch-Site and Referer are second signs for browsers that are older or are told to hide the first.
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

/** In the same time whatever was sent: digests have one length. */
function isSame(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
