/**
 * Which lane of an MCP server takes a tool: a name as it is before the pattern with the most letters before the first
 * one written. `*` is any characters, also none, `?` one; nothing else is special. Pure, and linear but for the number
 * of patterns, since the name comes from the caller.
 */

/** The part of a lane that is needed to choose it. */
export interface Globbed<T> {
  readonly to: T
  readonly globs: readonly string[]
}

export class ToolNames<T> {
  readonly #exact = new Map<string, T>()
  /** The most letters first. */
  readonly #patterns: { readonly glob: string; readonly to: T }[] = []

  constructor(lanes: Iterable<Globbed<T>>) {
    for (const { to, globs } of lanes) {
      for (const glob of globs) {
        if (/[*?]/.test(glob)) this.#patterns.push({ glob, to })
        else if (!this.#exact.has(glob)) this.#exact.set(glob, to)
      }
    }
    this.#patterns.sort((a, b) => letters(b.glob) - letters(a.glob))
  }

  /** The lane that takes calls of the tool of this name; undefined when none does. */
  find(name: string): T | undefined {
    return this.#exact.get(name) ?? this.#patterns.find(({ glob }) => matchesGlob(glob, name))?.to
  }
}

/** Goes back to the last star only, which is enough and cannot become exponential. */
export function matchesGlob(glob: string, name: string): boolean {
  let at = 0
  let starAt = -1
  let starTook = 0
  for (let i = 0; i < name.length;) {
    const letter = glob[at]
    if (letter === '*') {
      starAt = at++
      starTook = i
    } else if (letter === '?' || letter === name[i]) {
      at++
      i++
    } else if (starAt === -1) {
      return false
    } else {
      at = starAt + 1
      i = ++starTook
    }
  }
  while (glob[at] === '*') at++
  return at === glob.length
}

function letters(glob: string): number {
  return glob.replaceAll(/[*?]/g, '').length
}
