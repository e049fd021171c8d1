/**
 * The rules of one host by their paths in normal form. Finds the longest rule that covers a path, in whole segments, and
 * tells whether rules of other tools lie below a path. The cost of a look-up is bounded by the longest rule, whatever the
 * length of the request's path. Pure.
 */
import { foldCase, pathKey, readingsOf } from './normal-path.ts'

export interface RuleMatch<T> {
  /** The tool. */
  readonly to: T
  /** Segments of the path that the rule covers; 0 for the rule `/`. */
  readonly segments: number
}

const SEVERAL = Symbol('several')

/** Rules by the key of their path. */
class RuleMap<T> {
  readonly rules = new Map<string, T>()
  /** By the key of each path above a rule: the tool of the rules below it, or SEVERAL tools. */
  readonly below = new Map<string, T | typeof SEVERAL>()

  add(names: readonly string[], form: (key: string) => string, to: T): void {
    const key = form(pathKey(names))
    if (!this.rules.has(key)) this.rules.set(key, to)
    for (let count = 0; count < names.length; count++) {
      const above = form(pathKey(names.slice(0, count)))
      const before = this.below.get(above)
      this.below.set(above, before === undefined || before === to ? to : SEVERAL)
    }
  }
}

const unchanged = (key: string): string => key

export class PathTable<T> {
  /** Rules that distinguish letter case. */
  readonly #exact = new RuleMap<T>()
  /** Rules that ignore letter case. */
  readonly #folded = new RuleMap<T>()
  #maxSegments = 0

  /** Segments of the longest rule: a look-up needs no more of a path. */
  get maxSegments(): number {
    return this.#maxSegments
  }

  /** A rule with %2F also covers the path with a slash in its place: the operator means both. */
  add(path: string, { ignoreCase, to }: { readonly ignoreCase: boolean; readonly to: T }): void {
    for (const { names, isLoose } of readingsOf(path)) {
      if (isLoose) continue
      if (ignoreCase) this.#folded.add(names, foldCase, to)
      else this.#exact.add(names, unchanged, to)
      this.#maxSegments = Math.max(this.#maxSegments, names.length)
    }
  }

  /** The longest rule for a path that is already in normal form. */
  longestForPlain(path: string): RuleMatch<T> | undefined {
    let found = this.#at('', 0)
    let end = 0
    for (let segments = 1; segments <= this.#maxSegments && end + 1 < path.length; segments++) {
      const slash = path.indexOf('/', end + 1)
      end = slash === -1 ? path.length : slash
      found = this.#at(path.slice(0, end), segments) ?? found
    }
    return found
  }

  /** The longest rule for the names of the segments. */
  longestFor(names: readonly string[]): RuleMatch<T> | undefined {
    const longest = Math.min(names.length, this.#maxSegments)
    for (let segments = longest; segments >= 0; segments--) {
      const found = this.#at(pathKey(names.slice(0, segments)), segments)
      if (found !== undefined) return found
    }
    return undefined
  }

  /** A rule below these segments leads to another tool than `to`. */
  leadsElsewhere(names: readonly string[], to: T | undefined): boolean {
    const key = pathKey(names)
    const below = [this.#exact.below.get(key), this.#folded.below.get(foldCase(key))]
    return below.some((each) => each !== undefined && each !== to)
  }

  #at(key: string, segments: number): RuleMatch<T> | undefined {
    const to =
      this.#exact.rules.get(key) ??
      (this.#folded.rules.size === 0 ? undefined : this.#folded.rules.get(foldCase(key)))
    return to === undefined ? undefined : { to, segments }
  }
}
