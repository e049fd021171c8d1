/**
 * Whether a figure that was sampled over a long run has stayed flat: the median of its last third beside that of its
 * middle third. The first third is for caches and compilers. Pure.
 */

export interface Flatness {
  readonly middle: number
  readonly last: number
  readonly isFlat: boolean
}

/** `growthRatio` and `growthBy`: what the last third may be above the middle one; the larger of the two counts. */
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
