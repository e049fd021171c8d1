/**
 * The median latency of a cohort of calls by Kaplan and Meier. Calls that have not ended, or ended without an answer, count
 * as "took longer than so far" instead of being left out, so that a hanging tool is noticed before a call ends.
 *
 *     S(t) = product over answers at t_i <= t of (1 - 1 / calls that lasted at least t_i)        median: first S <= 0.5
 *
 * If too few calls were answered for a median, the reading is a lower bound: the 75 % rank of all ages. Units: milliseconds.
 * Source: Kaplan, Meier, "Nonparametric estimation from incomplete observations", JASA 53 (1958).
 */
export interface Reading {
  /** Milliseconds, above 0 so that ratios are finite. A lower bound when `isBound`. */
  readonly medianMs: number
  /** Milliseconds; undefined when `isBound`. */
  readonly quartileMs: number | undefined
  readonly answered: number
  readonly calls: number
  readonly isBound: boolean
}

const BOUND_RANK = 0.75
/** Milliseconds: the resolution of the clock. */
const LEAST_MS = 0.001

/** `answeredMs`: latencies of answered calls; `openMs`: how long the others have lasted. Both are sorted in place. */
export function readCohort(answeredMs: Float64Array, openMs: Float64Array): Reading {
  answeredMs.sort()
  openMs.sort()
  const calls = answeredMs.length + openMs.length
  const counts = { answered: answeredMs.length, calls }
  let surviving = 1
  let open = 0
  let quartileMs: number | undefined
  for (let index = 0; index < answeredMs.length; index++) {
    const atMs = Math.max(LEAST_MS, answeredMs[index] as number)
    while (open < openMs.length && (openMs[open] as number) < atMs) open++
    surviving *= 1 - 1 / (calls - index - open)
    if (surviving <= 0.75) quartileMs ??= atMs
    if (surviving <= 0.5) return { ...counts, medianMs: atMs, quartileMs, isBound: false }
  }
  return {
    ...counts,
    medianMs: Math.max(LEAST_MS, rank(answeredMs, openMs, BOUND_RANK)),
    quartileMs: undefined,
    isBound: true,
  }
}

/** The value at `ratio` of both sorted lists together; 0 when both are empty. */
function rank(a: Float64Array, b: Float64Array, ratio: number): number {
  let left = Math.floor(ratio * (a.length + b.length - 1))
  let [i, j] = [0, 0]
  for (; left > 0; left--) {
    if (j >= b.length || (i < a.length && (a[i] as number) <= (b[j] as number))) i++
    else j++
  }
  return Math.min(a[i] ?? Infinity, b[j] ?? (i < a.length ? Infinity : 0))
}
