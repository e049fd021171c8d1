/**
 * The normal form of a host, in which lanes are compared: lower case, without port and dots at its end, an address in the
 * form in which WHATWG URL writes it (`[::1]` for `[0:0::1]`, `127.0.0.1` for `127.1`). Pure. Must not know lanes.
 */

/** What needs no parser: the usual Host of a sidecar. */
const DOTTED = /^(?:(?:0|[1-9]\d{0,2})\.){3}(?:0|[1-9]\d{0,2})$/
/** What a URL parser takes for an IPv4 address. */
const ENDS_IN_NUMBER = /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/

/** Without a port already. Undefined when it is the host of nothing: only dots, or no IPv6 address in brackets. */
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
