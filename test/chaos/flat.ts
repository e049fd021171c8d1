/**
 * Decides whether a figure sampled over a long run stayed flat: the median of the last third is compared with the median
 * of the middle third. The first third is ignored, because caches fill and code is compiled then. Pure.
 */

export interface Flatness {
  readonly middle: number
  readonly last: number
  readonly isFlat: boolean
}

/** `growthRatio` and `growthBy` bound the growth from the middle third to the last; the larger bound applies. */
export function flatness(
  samples: readonly number[],
  { growthRatio, growthBy }: { readonly growthRatio: number; readonly growthBy: number },
): Flatness {
  const third = Math.floor(samples.length / 3)
  if (third < 3) throw new Error(`${samples.length} samples are too few to tell`)
  const middle = median(samples.slice(third, 2 * third))
  const last = median(samples.slice(-third))
  return { middle, last, isFlat: last <= middle + Math.max(middle * growthRatio, growthBy) }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}
