/**
 * Parses the URL of a tool into the parts that the connection pool, the Host header and the path need. Pure. A message
 * never repeats the URL, because people paste credentials into URLs.
 */
import type { ToolSettings } from './settings.ts'
import { invalid } from './problems.ts'
import type { Parsed } from './problems.ts'

export type Upstream = ToolSettings['upstream']

export const UPSTREAM_EXAMPLE = 'https://api.github.com'

const LONGEST = 2048
const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//
const BARE_HOST = /^[A-Za-z0-9.-]+(:\d{1,5})?(\/[A-Za-z0-9/._-]*)?$/
const UNSAFE_CHARACTER = /[\\\s\p{Cc}]/u

export function parseUpstream(text: string): Parsed<Upstream> {
  const refusal = spellingProblem(text)
  if (refusal !== undefined) return refusal
  if (!URL.canParse(text)) return invalid('is not a URL', `write for example ${UPSTREAM_EXAMPLE}`)
  const url = new URL(text)
  if (url.port === '0')
    return invalid('has the port 0, which nothing answers on', 'write the port of the tool')
  const { origin, host } = url
  return { ok: true, value: { origin, host, basePath: url.pathname.replace(/\/+$/, '') } }
}

/** Refuses what the URL parser would repair or drop without saying so. */
function spellingProblem(text: string): ReturnType<typeof invalid> | undefined {
  const example = `write for example ${UPSTREAM_EXAMPLE}`
  if (text === '') return invalid('is empty', example)
  if (text.length > LONGEST) return invalid(`is longer than ${LONGEST} characters`, example)
  if (UNSAFE_CHARACTER.test(text))
    return invalid('holds a space, a backslash or a control character', example)
  const scheme = SCHEME.exec(text)?.[1]?.toLowerCase()
  if (scheme === undefined) {
    return invalid(
      'must be a URL with http:// or https://',
      BARE_HOST.test(text) ? `write ${likelyScheme(text)}://${text}` : example,
    )
  }
  if (scheme !== 'http' && scheme !== 'https') {
    return invalid(`has the scheme ${scheme}, which Spillway does not speak`, 'write http:// or https://')
  }
  if (/^[^/]*\/\/[^/?#]*@/.test(text)) {
    return invalid(
      'holds a user name or password',
      'write the URL without it; the caller sends its own Authorization',
    )
  }
  if (text.includes('?')) return invalid('holds a query', 'write the URL up to the ?')
  if (text.includes('#')) return invalid('holds a fragment', 'write the URL up to the #')
  return undefined
}

function likelyScheme(host: string): 'http' | 'https' {
  return host.includes(':') || !/[A-Za-z].*\./.test(host) ? 'http' : 'https'
}
