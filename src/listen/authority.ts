/**
 * Who may read and write through the admin listener. No web page that an operator happens to look at may do either
 * (cross-site requests, DNS rebinding). Programs: on loopback every process of this host; elsewhere reading is open, and
 * writing needs the token. Pure.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

export type Authority =
  { readonly ok: true } | { readonly ok: false; readonly status: 401 | 403; readonly problem: string }

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

export function isAllowedToRead(asking: Asking, listener: Listener): Authority {
  const { headers, httpVersion } = asking
  if (isLoopback(listener.host)) {
    // Only HTTP/1.0 may leave out Host, and no browser speaks it.
    const isPlain = headers.host === undefined && httpVersion === '1.0'
    if (!isPlain && !isLoopback(nameIn(headers.host))) return foreignHost()
  }
  // A page may be opened, but not read by another: without CORS headers it could not, yet it could hold connections.
  return isFromPage(asking) && headers['sec-fetch-mode'] !== 'navigate' ? page() : { ok: true }
}

export function isAllowedToWrite(asking: Asking, { host, token }: Listener): Authority {
  const { headers } = asking
  if (isFromPage(asking)) return page()
  if (isLoopback(host)) return isLoopback(nameIn(headers.host)) ? { ok: true } : foreignHost()
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

function page(): Authority {
  return { ok: false, status: 403, problem: 'web pages may not call this address: use a program' }
}

function foreignHost(): Authority {
  const problem = 'this address is called by a loopback name: use 127.0.0.1, [::1] or localhost as Host'
  return { ok: false, status: 403, problem }
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
