/**
 * Which tool takes a request: host and path before host alone before the longest path, whole segments only.
 * Pure; the cost of a look-up is bounded by the longest configured path, not by the request's.
 */
import type { Target } from './target.ts'

/** The part of a tool's settings that routing needs. */
export interface Routed {
  readonly tool: string
  readonly match: readonly { readonly host?: string; readonly path?: string }[]
  readonly stripPath: boolean
}

export interface Route<T> {
  readonly to: T
  /** The path for the tool, without the matched prefix unless the tool keeps it. */
  readonly path: string
}

interface Rule<T> {
  readonly to: T
  readonly path: string
}

/** path -> rule; `/` is every path. */
type PathTable<T> = Map<string, Rule<T>>

export class Router<T extends Routed> {
  readonly #byHost = new Map<string, PathTable<T>>()
  readonly #anyHost: PathTable<T> = new Map()
  #mostSegments = 0

  constructor(tools: Iterable<T>) {
    for (const to of tools) {
      for (const rule of to.match) this.#add(to, rule)
    }
  }

  /** The tool for this request; undefined when none matches. */
  find(target: Target): Route<T> | undefined {
    const ofHost = this.#byHost.get(target.host)
    const rule =
      (ofHost && this.#longest(ofHost, target.path)) ??
      // A client that uses Spillway as its proxy asked for another host's path, which is not one of ours.
      (target.isAbsolute ? undefined : this.#longest(this.#anyHost, target.path))
    if (rule === undefined) return undefined
    return { to: rule.to, path: rule.to.stripPath ? withoutPrefix(target.path, rule.path) : target.path }
  }

  /** The paths that match on any host, for people who got lost; at most `most`. */
  paths(most: number): string[] {
    return [...this.#anyHost.keys()].slice(0, most)
  }

  #add(to: T, rule: { readonly host?: string; readonly path?: string }): void {
    const path = rule.path ?? '/'
    if (rule.host === undefined) this.#anyHost.set(path, { to, path })
    else {
      const table: PathTable<T> = this.#byHost.get(rule.host) ?? new Map<string, Rule<T>>()
      table.set(path, { to, path })
      this.#byHost.set(rule.host, table)
    }
    this.#mostSegments = Math.max(this.#mostSegments, path.split('/').length - 1)
  }

  #longest(table: PathTable<T>, path: string): Rule<T> | undefined {
    let found = table.get('/')
    let end = 0
    for (let segments = 0; segments < this.#mostSegments && end < path.length; segments++) {
      const slash = path.indexOf('/', end + 1)
      end = slash === -1 ? path.length : slash
      found = table.get(path.slice(0, end)) ?? found
    }
    return found
  }
}

function withoutPrefix(path: string, prefix: string): string {
  if (prefix === '/') return path
  const rest = path.slice(prefix.length)
  return rest === '' ? '/' : rest
}
