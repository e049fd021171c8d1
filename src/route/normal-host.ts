/**
 * The normal form of a host, in which hosts are compared: lower case, without a port, without dots at the end, and an IP
 * address as WHATWG URL writes it (`[::1]` for `[0:0::1]`, `127.0.0.1` for `127.1`). Pure. Must not know lanes.
 */

/** An IPv4 address in its usual form. It is already normal, which saves the URL parser for most requests to a sidecar. */
const DOTTED = /^(?:(?:0|[1-9]\d{0,2})\.){3}(?:0|[1-9]\d{0,2})$/
/** A URL parser reads such a host as an IPv4 address. */
const ENDS_IN_NUMBER = /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/

/** `host`: without a port. Undefined for dots alone, and for brackets around anything but an IPv6 address. */
export function normalHost(host: string): string | undefined {
  let end = host.length
  while (end > 0 && host[end - 1] === '.') end--
  const lower = host.slice(0, end).toLowerCase()
  if (lower === '') return undefined
  const isBracketed = lower.startsWith('[')
  if (!isBracketed && (DOTTED.test(lower) || !ENDS_IN_NUMBER.test(lower))) return lower
  const url = `http://${lower}/`
  if (URL.canParse(url)) return new URL(url).hostname
  return isBracketed ? undefined : lower
}

/** `host:port` without its port. */
export function withoutPort(hostHeader: string): string {
  const colon = hostHeader.lastIndexOf(':')
  return colon > hostHeader.lastIndexOf(']') ? hostHeader.slice(0, colon) : hostHeader
}
