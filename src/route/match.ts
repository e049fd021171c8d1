/**
 * Which tool takes a request: host and path before host alone before the longest path, whole segments only, compared in
 * their normal forms. A path that servers may read in several ways, of which some lead to another tool, is ambiguous:
 * forwarded, it could reach through one lane what another lane guards. Pure; the caller's own bytes go to the tool.
 */
import { isPlain, readingsOf, withoutSegments } from './normal-path.ts'
import type { Reading } from './normal-path.ts'
import { PathTable } from './path-table.ts'
import type { Found } from './path-table.ts'
import { normalHost } from './normal-host.ts'
import type { Target } from './target.ts'

/** The part of a tool's settings that routing needs. */
export interface Routed {
  readonly tool: string
  readonly match: readonly { readonly host?: string; readonly path?: string; readonly ignoreCase?: boolean }[]
  readonly stripPath: boolean
}

export type Route<T> =
  | {
      readonly kind: 'found'
      readonly to: T
      /** The path for the tool, without the matched prefix unless the tool keeps it. */
      readonly path: string
    }
  | { readonly kind: 'none' }
  | { readonly kind: 'ambiguous'; readonly what: string }

/** One way to read a path, and where it leads. */
interface Way<T> {
  readonly reading: Reading
  readonly found: Found<T> | undefined
}

const NONE = { kind: 'none' } as const
const AMBIGUOUS = {
  kind: 'ambiguous',
  what: 'the path can be read in several ways, and it matters for where it leads; write it in its plain form',
} as const

export class Router<T extends Routed> {
  readonly #byHost = new Map<string, PathTable<T>>()
  readonly #anyHost = new PathTable<T>()
  /** As the operator wrote them, for people who got lost. */
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
        const found = table.longestPlain(path)
        if (found !== undefined) return routeOf(found, path)
      }
      return NONE
    }
    const most = Math.max(...tables.map((table) => table.mostSegments), 0)
    const [way, ...others] = readingsOf(path, most).map((reading) => ({
      reading,
      found: longestIn(tables, reading),
    })) as [Way<T>, ...Way<T>[]]
    // A loose reading that leads nowhere is ignored: few servers read so, and many names end in a dot.
    const differs = others.some((other) =>
      other.reading.isLoose && other.found === undefined ? false : !isSameWay(way, other),
    )
    if (differs || [way, ...others].some((each) => isInDoubt(tables, each))) return AMBIGUOUS
    return way.found === undefined ? NONE : routeOf(way.found, path)
  }

  /** The paths that match on any host, for people who got lost; at most `most`. */
  paths(most: number): string[] {
    return this.#paths.slice(0, most)
  }

  /** The more specific first. A client that uses Spillway as its proxy asked for another host's path, which is not one of ours. */
  #tablesFor({ host, isAbsolute }: Target): readonly PathTable<T>[] {
    const ofHost = this.#byHost.get(host)
    if (isAbsolute) return ofHost === undefined ? [] : [ofHost]
    return ofHost === undefined ? [this.#anyHost] : [ofHost, this.#anyHost]
  }

  #add(to: T, { host, path = '/', ignoreCase = false }: Routed['match'][number]): void {
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

function longestIn<T>(tables: readonly PathTable<T>[], { names }: Reading): Found<T> | undefined {
  for (const table of tables) {
    const found = table.longest(names)
    if (found !== undefined) return found
  }
  return undefined
}

/** Whether two readings of one path lead to the same tool, and cut off the same part of what was written. */
function isSameWay<T extends Routed>(a: Way<T>, b: Way<T>): boolean {
  const [first, second] = [a.found, b.found]
  if (first === undefined || second === undefined) return first === second
  return first.to === second.to && (!first.to.stripPath || endOf(a) === endOf(b))
}

function endOf<T>({ found, reading }: Way<T>): number {
  return reading.ends[(found?.segments ?? 0) - 1] ?? 0
}

/** A segment of which servers make very different things, where a rule below could be meant by it. */
function isInDoubt<T>(tables: readonly PathTable<T>[], { reading, found }: Way<T>): boolean {
  if (reading.doubtAt === undefined) return false
  const above = reading.names.slice(0, reading.doubtAt)
  return tables.some((table) => table.leadsElsewhere(above, found?.to))
}

function routeOf<T extends Routed>({ to, segments }: Found<T>, path: string): Route<T> {
  return { kind: 'found', to, path: to.stripPath && segments > 0 ? withoutSegments(path, segments) : path }
}
