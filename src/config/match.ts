/**
 * What an operator may write in `match`, and its one canonical form: host in lower case, path without a slash at the
 * end. Pure. Which rule wins for a request is route/match.ts, not here.
 */
import { isHostName } from './address.ts'
import type { MatchRule } from './settings.ts'
import { refuse } from './problems.ts'
import type { Parsed } from './problems.ts'
import { show } from './show.ts'

const LONGEST_PATH = 1024
const PATH_CHARACTERS = /^[A-Za-z0-9._~!$&'()*+,;=:@%/-]*$/
const HOST_EXAMPLE = 'write for example browser.tools.internal'

export function parseMatchHost(text: string): Parsed<string> {
  const host = text.toLowerCase().replace(/\.$/, '')
  if (isHostName(host)) return { ok: true, value: host }
  if (/^\[[0-9a-f:.]+\]$/.test(host) && URL.canParse(`http://${host}`)) return { ok: true, value: host }
  if (host.includes('://')) return refuse('must be a host name, not a URL', HOST_EXAMPLE)
  if (/^[^:]+:\d*$/.test(host))
    return refuse('must be a host name without a port', 'write it without the port')
  return refuse(`must be a host name, not ${show(text)}`, HOST_EXAMPLE)
}

export function parseMatchPath(text: string): Parsed<string> {
  if (!text.startsWith('/'))
    return refuse(`must start with /, not ${show(text)}`, 'write for example /github')
  if (text === '/') return { ok: true, value: text }
  if (text.length > LONGEST_PATH) return refuse('is too long', `write at most ${LONGEST_PATH} characters`)
  if (/[?#]/.test(text))
    return refuse('holds a ? or a #', 'write the path alone; a query takes no part in matching')
  if (!PATH_CHARACTERS.test(text))
    return refuse('holds a character that no path has', 'write it percent-encoded')
  const path = text.endsWith('/') ? text.slice(0, -1) : text
  const segments = path.slice(1).split('/')
  if (segments.includes('')) return refuse('holds an empty segment', 'write one / between two segments')
  if (segments.some(isDots)) return refuse('holds a . or .. segment', 'write the path that it stands for')
  return { ok: true, value: path }
}

/** Canonical; undefined when a part of it would be refused. */
export function canonicalRule(rule: {
  readonly host?: string
  readonly path?: string
}): MatchRule | undefined {
  const host = rule.host === undefined ? undefined : parseMatchHost(rule.host)
  const path = rule.path === undefined ? undefined : parseMatchPath(rule.path)
  if (host?.ok === false || path?.ok === false) return undefined
  return { ...(host && { host: host.value }), ...(path && { path: path.value }) }
}

/** What a tool without `match` takes. */
export function impliedRule(tool: string): MatchRule {
  return { path: `/${tool}` }
}

function isDots(segment: string): boolean {
  const plain = segment.replaceAll(/%2e/gi, '.')
  return plain === '.' || plain === '..'
}
