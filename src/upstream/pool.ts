/**
 * One tool's connections. undici's own queue must never hold a request, because the lane is the queue: the number of
 * connections is unbounded here and bounded by the lane's limit. Its timers are off for the same reason: leaseSeconds
 * decides how long a tool may be silent.
 */
import { Pool } from 'undici'

/**
 * Milliseconds an idle connection is kept when the tool does not say (undici's default). Node servers close at 5 s,
 * and say so in a Keep-Alive header, of which undici keeps its own distance.
 */
const IDLE_MS = 4000
/** Bytes of response headers that a tool may send: twice node's own bound, so that what the tool may say passes. */
const MAX_RESPONSE_HEADER_BYTES = 32_768

export function openPool(upstream: { readonly origin: string; readonly connectTimeoutMs: number }): Pool {
  return new Pool(upstream.origin, {
    connect: { timeout: upstream.connectTimeoutMs },
    pipelining: 1,
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: IDLE_MS,
    maxHeaderSize: MAX_RESPONSE_HEADER_BYTES,
    // One HTTP/2 connection would put all calls of a tool behind one TCP window, and behind undici's stream queue.
    allowH2: false,
  })
}
