/**
 * What an operator may write in `match`, and its canonical form. Requests are compared in the same form
 * (route/normal-path.ts, route/normal-host.ts). Pure. Must not know which rule wins for a request (route/match.ts).
 */
import { pathKey, readingsOf } from '../route/normal-path.ts'
import { normalHost } from '../route/normal-host.ts'
import { isHostName } from './address.ts'
import type { MatchRule } from './settings.ts'
import { invalid } from './problems.ts'
import type { Parsed } from './problems.ts'
import { show } from './show.ts'

const LONGEST_PATH = 1024
const PATH_CHARACTERS = /^[A-Za-z0-9._~!$&'()*+,;=:@%/-]*$/
/** Encoded control characters: no path of a tool has them. */
const NO_CHARACTER = /%(?:[01][0-9a-f]|7f)/i
const HOST_EXAMPLE = 'write for example browser.tools.internal'

export function parseMatchHost(text: string): Parsed<string> {
  const host = normalHost(text)
  if (host !== undefined && (isHostName(host) || (host.startsWith('[') && host.endsWith(']'))))
    return { ok: true, value: host }
  if (text.includes('://')) return invalid('must be a host name, not a URL', HOST_EXAMPLE)
  if (/^[^:]+:\d*$/.test(text))
    return invalid('must be a host name without a port', 'write it without the port')
  return invalid(`must be a host name, not ${show(text)}`, HOST_EXAMPLE)
}

export function parseMatchPath(text: string): Parsed<string> {
  if (!text.startsWith('/'))
    return invalid(`must start with /, not ${show(text)}`, 'write for example /github')
  if (text === '/') return { ok: true, value: text }
  if (text.length > LONGEST_PATH) return invalid('is too long', `write at most ${LONGEST_PATH} characters`)
  if (/[?#]/.test(text))
    return invalid('holds a ? or a #', 'write the path alone; a query takes no part in matching')
  if (!PATH_CHARACTERS.test(text))
    return invalid('holds a character that no path has', 'write it percent-encoded')
  if (/;|%3b/i.test(text))
    return invalid('holds a semicolon', 'write the path up to it; parameters take no part in matching')
  if (/%(?![0-9a-f]{2})/i.test(text)) return invalid('holds a % that starts no escape', 'write %25 for a %')
  if (NO_CHARACTER.test(text)) return invalid('holds a control character', 'write the path without it')
  const path = text.endsWith('/') ? text.slice(0, -1) : text
  if (path.slice(1).split('/').includes(''))
    return invalid('holds an empty segment', 'write one / between two segments')
  const [normal, ...others] = readingsOf(path)
  if ([normal, ...others].some(({ names }) => names.some(isDots)))
    return invalid('holds a . or .. segment', 'write the path that it stands for')
  if (others.some(({ isLoose, names }) => isLoose && pathKey(names) !== pathKey(normal.names)))
    return invalid(
      'holds a %3F or %23, or a space or dot at the end of a segment, which some servers leave out',
      'write the path of a tool without them',
    )
  return { ok: true, value: pathKey(normal.names) }
}

/** Every path that some server takes for the rule's path. Two rules that share one of these paths are the same. */
export function pathsOf({ path = '/' }: MatchRule): readonly string[] {
  return [...new Set(readingsOf(path).map(({ names }) => pathKey(names)))]
}

/** The canonical form; undefined for a rule that the schema refuses. */
export function canonicalRule(rule: {
  readonly host?: string
  readonly path?: string
  readonly ignoreCase?: boolean
}): MatchRule | undefined {
  const host = rule.host === undefined ? undefined : parseMatchHost(rule.host)
  const path = rule.path === undefined ? undefined : parseMatchPath(rule.path)
  if (host?.ok === false || path?.ok === false) return undefined
  return {
    ...(host && { host: host.value }),
    ...(path && { path: path.value }),
    ...(rule.ignoreCase === true && { ignoreCase: true }),
  }
}

/** The rule of a tool that writes no `match`. */
export function impliedRule(tool: string): MatchRule {
  return { path: `/${tool}` }
}

function isDots(name: string): boolean {
  return name === '.' || name === '..'
}
