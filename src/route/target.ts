/**
 * What a request line and its Host header say about where the request wants to go; anything that two readers could
 * read differently is a problem, never a guess. Pure. Must not know which tools exist.
 */
export interface Target {
  /** Lower case, without port; empty when the caller named none (HTTP/1.0). */
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
/** What some servers read as the end of a segment. */
const ENCODED_SLASH = /%2f|%5c/gi
const ENCODED_DOT = /%2e/gi
const UNSAFE_CHARACTER = /[\\#\s\p{Cc}]/u
/** Also with path parameters, which some servers cut off first. */
const DOTS = /^\.\.?(?:;|$)/
const COULD_HOLD_DOT_SEGMENT = /\.|%2e/i

/** `hosts` are the values of all Host headers; HTTP/1.1 must have one. */
export function parseTarget(url: string, hosts: readonly string[], httpMinorVersion: number): ParsedTarget {
  const absolute = url.startsWith('/') ? null : ABSOLUTE.exec(url)
  if (absolute === null && !url.startsWith('/'))
    return problem('the request target is neither a path nor a URL')
  if (hosts.length > 1) return problem('there is more than one Host header')
  if (hosts.length === 0 && httpMinorVersion > 0) return problem('there is no Host header')
  const hostHeader = absolute?.[1] ?? hosts[0] ?? ''
  if (hostHeader !== '' && !HOST.test(hostHeader)) return problem('the host is not a host name')
  if (absolute !== null && hostHeader === '') return problem('the URL names no host')
  const rest = absolute?.[2] ?? url
  const queryAt = rest.indexOf('?')
  const path = queryAt === -1 ? rest : rest.slice(0, queryAt)
  const query = queryAt === -1 ? '' : rest.slice(queryAt)
  if (UNSAFE_CHARACTER.test(rest)) return problem('the path holds a character that must be percent-encoded')
  if (hasDotSegment(path)) return problem('the path holds a `.` or `..` segment')
  return {
    kind: 'target',
    target: {
      host: hostName(hostHeader),
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

function hostName(hostHeader: string): string {
  const colon = hostHeader.lastIndexOf(':')
  const bare = colon > hostHeader.lastIndexOf(']') ? hostHeader.slice(0, colon) : hostHeader
  const lower = bare.toLowerCase()
  return lower.endsWith('.') ? lower.slice(0, -1) : lower
}

/** Also where a tool that decodes before it splits would see one. */
function hasDotSegment(path: string): boolean {
  if (!COULD_HOLD_DOT_SEGMENT.test(path)) return false
  const decoded = path.replace(ENCODED_DOT, '.').replace(ENCODED_SLASH, '/')
  return decoded.split('/').some((segment) => DOTS.test(segment))
}
