/**
 * The tool that takes a request. A rule with host and path goes before a rule with the host alone, and that before the
 * longest path; paths match in whole segments, in their normal form. A path that servers read in different ways is
 * ambiguous if some of the ways lead to another tool: forwarded, it could pass the limit of that tool's lane. Pure. The
 * bytes that go to the tool are the caller's own.
 */
import { isPlain, readingsOf, withoutSegments } from './normal-path.ts'
import type { PathReading } from './normal-path.ts'
import { PathTable } from './path-table.ts'
import type { RuleMatch } from './path-table.ts'
import { normalHost } from './normal-host.ts'
import type { Target } from './target.ts'

/** The part of a tool's settings that routing needs. */
export interface Routable {
  readonly tool: string
  readonly match: readonly { readonly host?: string; readonly path?: string; readonly ignoreCase?: boolean }[]
  readonly stripPath: boolean
}

export type Route<T> =
  | {
      readonly kind: 'found'
      readonly to: T
      /** The path without the matched prefix. */
      readonly rest: string
    }
  | { readonly kind: 'none' }
  | { readonly kind: 'ambiguous'; readonly what: string }

/** One reading of a path, and the rule that matches it. */
interface Candidate<T> {
  readonly reading: PathReading
  readonly found: RuleMatch<T> | undefined
}

const NONE = { kind: 'none' } as const
const AMBIGUOUS = {
  kind: 'ambiguous',
  what: 'the path can be read in several ways, and it matters for where it leads; write it in its plain form',
} as const

export class Router<T extends Routable> {
  readonly #byHost = new Map<string, PathTable<T>>()
  readonly #anyHost = new PathTable<T>()
  /** As the operator wrote them. */
  readonly #paths: string[] = []

  constructor(tools: Iterable<T>) {
    for (const to of tools) {
      for (const rule of to.match) this.#add(to, rule)
    }
  }

  find(target: Target): Route<T> {
    const { path } = target
    const tables = this.#tablesFor(target)
    if (isPlain(path)) {
      for (const table of tables) {
        const found = table.longestForPlain(path)
        if (found !== undefined) return routeOf(found, path)
      }
      return NONE
    }
    const maxSegments = Math.max(...tables.map((table) => table.maxSegments), 0)
    const [normal, ...others] = readingsOf(path, maxSegments).map((reading) => ({
      reading,
      found: longestIn(tables, reading),
    })) as [Candidate<T>, ...Candidate<T>[]]
    // A loose reading without a match is ignored: few servers read so, and many names end in a dot.
    const differs = others.some((other) =>
      other.reading.isLoose && other.found === undefined ? false : !isSameRoute(normal, other),
    )
    if (differs || [normal, ...others].some((each) => isUnclear(tables, each))) return AMBIGUOUS
    return normal.found === undefined ? NONE : routeOf(normal.found, path)
  }

  /** The paths that match on any host, for the message that no tool matches; at most `max`. */
  paths(max: number): string[] {
    return this.#paths.slice(0, max)
  }

  /**
   * The more specific first. A client that uses Spillway as its HTTP proxy means a path of the host that it names, which is
   * none of the paths on any host.
   */
  #tablesFor({ host, isAbsolute }: Target): readonly PathTable<T>[] {
    const ofHost = this.#byHost.get(host)
    if (isAbsolute) return ofHost === undefined ? [] : [ofHost]
    return ofHost === undefined ? [this.#anyHost] : [ofHost, this.#anyHost]
  }

  #add(to: T, { host, path = '/', ignoreCase = false }: Routable['match'][number]): void {
    if (host === undefined) this.#paths.push(path)
    this.#tableOf(host).add(path, { ignoreCase, to })
  }

  #tableOf(host: string | undefined): PathTable<T> {
    if (host === undefined) return this.#anyHost
    const normal = normalHost(host) ?? host
    const table = this.#byHost.get(normal) ?? new PathTable<T>()
    this.#byHost.set(normal, table)
    return table
  }
}

function longestIn<T>(tables: readonly PathTable<T>[], { names }: PathReading): RuleMatch<T> | undefined {
  for (const table of tables) {
    const found = table.longestFor(names)
    if (found !== undefined) return found
  }
  return undefined
}

/** Both readings lead to the same tool, and cut off the same prefix of the path as it was written. */
function isSameRoute<T extends Routable>(a: Candidate<T>, b: Candidate<T>): boolean {
  const [first, second] = [a.found, b.found]
  if (first === undefined || second === undefined) return first === second
  return first.to === second.to && (!first.to.stripPath || endOf(a) === endOf(b))
}

function endOf<T>({ found, reading }: Candidate<T>): number {
  return reading.ends[(found?.segments ?? 0) - 1] ?? 0
}

/** The path has a segment of unclear meaning, and a rule of another tool lies below it. */
function isUnclear<T>(tables: readonly PathTable<T>[], { reading, found }: Candidate<T>): boolean {
  if (reading.unclearAt === undefined) return false
  const above = reading.names.slice(0, reading.unclearAt)
  return tables.some((table) => table.leadsElsewhere(above, found?.to))
}

function routeOf<T extends Routable>({ to, segments }: RuleMatch<T>, path: string): Route<T> {
  return { kind: 'found', to, rest: segments > 0 ? withoutSegments(path, segments) : path }
}
