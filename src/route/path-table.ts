/**
 * Rules by path in normal form: the longest that covers a path, in whole segments, and what lies below a segment that
 * nobody can read for certain. The cost of a look-up is bounded by the longest rule, not by the request. Pure.
 */
import { foldCase, keyOf, readingsOf } from './normal-path.ts'

export interface Found<T> {
  readonly to: T
  /** Segments of the path that the rule covers; 0 for the rule `/`. */
  readonly segments: number
}

const SEVERAL = Symbol('several')

/** Letter case counts in one of the two, and not in the other. */
class Cases<T> {
  readonly rules = new Map<string, T>()
  /** For each path above a rule: what the rules below it lead to, or SEVERAL. */
  readonly below = new Map<string, T | typeof SEVERAL>()

  add(names: readonly string[], keyed: (key: string) => string, to: T): void {
    const key = keyed(keyOf(names))
    if (!this.rules.has(key)) this.rules.set(key, to)
    for (let count = 0; count < names.length; count++) {
      const above = keyed(keyOf(names.slice(0, count)))
      const before = this.below.get(above)
      this.below.set(above, before === undefined || before === to ? to : SEVERAL)
    }
  }
}

const asWritten = (key: string): string => key

export class PathTable<T> {
  readonly #exact = new Cases<T>()
  readonly #folded = new Cases<T>()
  #mostSegments = 0

  /** Segments of a path that a look-up needs. */
  get mostSegments(): number {
    return this.#mostSegments
  }

  /** A path with %2F stands for itself and for the path with a slash there: the operator means both. */
  add(path: string, { ignoreCase, to }: { readonly ignoreCase: boolean; readonly to: T }): void {
    for (const { names, isLoose } of readingsOf(path)) {
      if (isLoose) continue
      if (ignoreCase) this.#folded.add(names, foldCase, to)
      else this.#exact.add(names, asWritten, to)
      this.#mostSegments = Math.max(this.#mostSegments, names.length)
    }
  }

  /** For a path that is its own normal form. */
  longestPlain(path: string): Found<T> | undefined {
    let found = this.#at('', 0)
    let end = 0
    for (let segments = 1; segments <= this.#mostSegments && end + 1 < path.length; segments++) {
      const slash = path.indexOf('/', end + 1)
      end = slash === -1 ? path.length : slash
      found = this.#at(path.slice(0, end), segments) ?? found
    }
    return found
  }

  longest(names: readonly string[]): Found<T> | undefined {
    const most = Math.min(names.length, this.#mostSegments)
    for (let segments = most; segments >= 0; segments--) {
      const found = this.#at(keyOf(names.slice(0, segments)), segments)
      if (found !== undefined) return found
    }
    return undefined
  }

  /** Whether a rule below these segments leads elsewhere than `to`. */
  leadsElsewhere(names: readonly string[], to: T | undefined): boolean {
    const key = keyOf(names)
    const below = [this.#exact.below.get(key), this.#folded.below.get(foldCase(key))]
    return below.some((each) => each !== undefined && each !== to)
  }

  #at(key: string, segments: number): Found<T> | undefined {
    const to =
      this.#exact.rules.get(key) ??
      (this.#folded.rules.size === 0 ? undefined : this.#folded.rules.get(foldCase(key)))
    return to === undefined ? undefined : { to, segments }
  }
}
