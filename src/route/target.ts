/**
 * The target of a request: its host, path and query, from the request line and the Host header. A target that two servers
 * could interpret differently is a problem; nothing is guessed. Pure. Must not know which tools exist.
 */
import { normalHost, withoutPort } from './normal-host.ts'

export interface Target {
  /** In normal form (normal-host.ts), without the port; empty when the caller names no host, as HTTP/1.0 allows. */
  readonly host: string
  /** As the caller wrote it, for X-Forwarded-Host. */
  readonly hostHeader: string
  /** Starts with `/`. The percent-encoding is the caller's. */
  readonly path: string
  /** With the `?`; empty without a query. */
  readonly query: string
  /** The request line has a whole URL: the client uses Spillway as its HTTP proxy. */
  readonly isAbsolute: boolean
}

export type ParsedTarget =
  { readonly kind: 'target'; readonly target: Target } | { readonly kind: 'problem'; readonly what: string }

const ABSOLUTE = /^https?:\/\/([^/?#]*)([^#]*)$/i
const HOST = /^(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/
const UNSAFE_CHARACTER = /[\\#\s\p{Cc}]/u
const COULD_HOLD_DOT_SEGMENT = /\.|%2e/i
/** Escapes that some servers decode to the end of a segment. */
const ENCODED_SLASH = /%2f|%5c/gi
/** Escapes that can be part of a dot segment: dots, and what some servers cut off around them. */
const ENCODED_IN_DOTS = /%(?:2e|3b|3f|23|[01][0-9a-f]|20|7f)/gi
/** A dot segment, also with parameters, an encoded query or spaces, which some servers cut off first. */
const DOT_SEGMENT = /^[\s\p{Cc}]*\.\.?[\s\p{Cc}]*(?:[;?#]|$)/u
/** NUL ends the path for servers written in C. The others (%uXXXX, overlong UTF-8) are characters for outdated decoders only. */
const UNSAFE_ESCAPE = /%00|%u[0-9a-f]{4}|%c[01]%[89ab][0-9a-f]|%e0%[89][0-9a-f]|%f0%8[0-9a-f]/i

/** `hosts`: the values of all Host headers. HTTP/1.1 requires exactly one. */
export function parseTarget(
  url: string,
  hosts: readonly string[],
  httpMinorVersion: number,
  method = 'GET',
): ParsedTarget {
  const absolute = url.startsWith('/') ? null : ABSOLUTE.exec(url)
  if (absolute === null && !url.startsWith('/'))
    return problem('the request target is neither a path nor a URL')
  if (hosts.length > 1) return problem('there is more than one Host header')
  if (hosts.length === 0 && httpMinorVersion > 0) return problem('there is no Host header')
  // RFC 9112, 3.2, requires 400 for an invalid Host even where the URL names the host.
  if (hosts[0] !== undefined && hosts[0] !== '' && !HOST.test(hosts[0]))
    return problem('the Host header is not a host name')
  const hostHeader = absolute?.[1] ?? hosts[0] ?? ''
  if (hostHeader !== '' && !HOST.test(hostHeader)) return problem('the host is not a host name')
  if (absolute !== null && hostHeader === '') return problem('the URL names no host')
  const host = hostHeader === '' ? '' : normalHost(withoutPort(hostHeader))
  if (host === undefined) return problem('the host is not a host name')
  const rest = absolute?.[2] ?? url
  // Without a path it asks about the server as a whole (RFC 9112, 3.2.4). It would have to go on as `OPTIONS *`.
  if (method === 'OPTIONS' && rest === '') return problem('OPTIONS needs a path')
  const queryAt = rest.indexOf('?')
  const path = queryAt === -1 ? rest : rest.slice(0, queryAt)
  const query = queryAt === -1 ? '' : rest.slice(queryAt)
  if (UNSAFE_CHARACTER.test(rest)) return problem('the path holds a character that must be percent-encoded')
  if (hasDotSegment(path)) return problem('the path holds a `.` or `..` segment')
  if (path.includes('%') && UNSAFE_ESCAPE.test(path))
    return problem('the path holds an escape that stands for no character')
  return {
    kind: 'target',
    target: {
      host,
      hostHeader,
      path: path || '/',
      query,
      isAbsolute: absolute !== null,
    },
  }
}

function problem(what: string): ParsedTarget {
  return { kind: 'problem', what }
}

/** Also finds the dot segments that a tool sees if it decodes the path before it splits it. */
function hasDotSegment(path: string): boolean {
  if (!COULD_HOLD_DOT_SEGMENT.test(path)) return false
  const decoded = path.replace(ENCODED_SLASH, '/').replace(ENCODED_IN_DOTS, decodeURIComponent)
  return decoded.split('/').some((segment) => DOT_SEGMENT.test(segment))
}
