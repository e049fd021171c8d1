/**
 * What a request line and its Host header say about where the request wants to go; anything that two readers could
 * read differently is a problem, never a guess. Pure. Must not know which tools exist.
 */
import { normalHost, withoutPort } from './normal-host.ts'

export interface Target {
  /** In normal form, without port; empty when the caller named none (HTTP/1.0). */
  readonly host: string
  /** As the caller wrote it, for X-Forwarded-Host. */
  readonly hostHeader: string
  /** Starts with `/`; percent-encoding untouched. */
  readonly path: string
  /** With its `?`; empty without one. */
  readonly query: string
  /** The absolute form of a client that was told to use a proxy. */
  readonly isAbsolute: boolean
}

export type ParsedTarget =
  { readonly kind: 'target'; readonly target: Target } | { readonly kind: 'problem'; readonly what: string }

const ABSOLUTE = /^https?:\/\/([^/?#]*)([^#]*)$/i
const HOST = /^(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/
const UNSAFE_CHARACTER = /[\\#\s\p{Cc}]/u
const COULD_HOLD_DOT_SEGMENT = /\.|%2e/i
/** What servers read as the end of a segment, and what matters for a dot segment beside that. */
const ENCODED_SLASH = /%2f|%5c/gi
const ENCODED_IN_DOTS = /%(?:2e|3b|3f|23|[01][0-9a-f]|20|7f)/gi
/** Also with what some servers cut off first: parameters, a query that was encoded, spaces. */
const DOTS = /^[\s\p{Cc}]*\.\.?[\s\p{Cc}]*(?:[;?#]|$)/u
/** A NUL ends the path for servers in C; the others are letters to decoders of long ago, of which some still run. */
const NO_CHARACTER = /%00|%u[0-9a-f]{4}|%c[01]%[89ab][0-9a-f]|%e0%[89][0-9a-f]|%f0%8[0-9a-f]/i

/** `hosts` are the values of all Host headers; HTTP/1.1 must have one. */
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
  // Also where the URL names the host: RFC 9112, 3.2, asks for 400 whatever Host is good for.
  if (hosts[0] !== undefined && hosts[0] !== '' && !HOST.test(hosts[0]))
    return problem('the Host header is not a host name')
  const hostHeader = absolute?.[1] ?? hosts[0] ?? ''
  if (hostHeader !== '' && !HOST.test(hostHeader)) return problem('the host is not a host name')
  if (absolute !== null && hostHeader === '') return problem('the URL names no host')
  const host = hostHeader === '' ? '' : normalHost(withoutPort(hostHeader))
  if (host === undefined) return problem('the host is not a host name')
  const rest = absolute?.[2] ?? url
  // RFC 9112, 3.2.4: that asks about the server as a whole, for which a tool would have to be asked `OPTIONS *`.
  if (method === 'OPTIONS' && rest === '') return problem('OPTIONS needs a path')
  const queryAt = rest.indexOf('?')
  const path = queryAt === -1 ? rest : rest.slice(0, queryAt)
  const query = queryAt === -1 ? '' : rest.slice(queryAt)
  if (UNSAFE_CHARACTER.test(rest)) return problem('the path holds a character that must be percent-encoded')
  if (hasDotSegment(path)) return problem('the path holds a `.` or `..` segment')
  if (path.includes('%') && NO_CHARACTER.test(path))
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

/** Also where a tool that decodes before it splits would see one. */
function hasDotSegment(path: string): boolean {
  if (!COULD_HOLD_DOT_SEGMENT.test(path)) return false
  const decoded = path.replace(ENCODED_SLASH, '/').replace(ENCODED_IN_DOTS, decodeURIComponent)
  return decoded.split('/').some((segment) => DOTS.test(segment))
}
