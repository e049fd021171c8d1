/**
 * What is wrong with a configuration, as a value and as one line of text. A complaint has a path; a problem also has a
 * line and a column. Each says what is wrong and what to write instead. Must not know the settings.
 */
import type { Path } from './paths.ts'

export interface Problem {
  /** The file, or the name of the environment variable or flag. */
  readonly file: string
  /** From 1; undefined where there are no lines, as with a variable, a flag, or a file that cannot be read. */
  readonly line: number | undefined
  /** From 1; undefined together with `line`. */
  readonly column: number | undefined
  /** `tools.github.maxConcurrent`; empty for the file as a whole. */
  readonly path: string
  readonly what: string
  readonly remedy: string
}

export interface Advice {
  readonly what: string
  readonly remedy: string
}

export type Parsed<T> = { readonly ok: true; readonly value: T } | ({ readonly ok: false } & Advice)

export type Where =
  | { readonly kind: 'value'; readonly path: Path }
  | { readonly kind: 'key'; readonly path: Path }
  /** An environment variable or a flag. */
  | { readonly kind: 'named'; readonly name: string }

export interface Complaint extends Advice {
  readonly where: Where
}

export function invalid(what: string, remedy: string): { readonly ok: false } & Advice {
  return { ok: false, what, remedy }
}

/** `tools.yaml:4:5 tools.github.maxConcurrent: what is wrong; what to write`. */
export function formatProblem(problem: Problem): string {
  const { file, line, column, path, what, remedy } = problem
  const place = line === undefined || column === undefined ? file : `${file}:${line}:${column}`
  return `${place}${path === '' ? '' : ` ${path}`}: ${what}; ${remedy}`
}

/** In the order of their positions; problems without a position come last. Equal problems are returned once. */
export function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const distinct = new Map(problems.map((problem) => [formatProblem(problem), problem]))
  return [...distinct.values()].sort(
    (a, b) => rank(a.line) - rank(b.line) || rank(a.column) - rank(b.column) || compare(a.path, b.path),
  )
}

/** Not Infinity: Infinity minus Infinity is NaN. */
function rank(position: number | undefined): number {
  return position ?? Number.MAX_SAFE_INTEGER
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
