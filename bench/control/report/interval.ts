/**
 * Means with 95 % intervals by Student's t, over seeds. Pure.
 */
export interface Interval {
  readonly mean: number
  /** Half the width of the 95 % interval; 0 with fewer than two values. */
  readonly half: number
}

/** Two-sided 95 % points of Student's t for 1, 2, ... degrees of freedom; 1.96 beyond. */
const T_95 = [
  12.71, 4.3, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.2, 2.18, 2.16, 2.14, 2.13, 2.12, 2.11, 2.1,
  2.09, 2.09,
]

export function interval(values: readonly number[]): Interval {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  if (values.length < 2) return { mean, half: 0 }
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)
  return { mean, half: (T_95[values.length - 2] ?? 1.96) * Math.sqrt(variance / values.length) }
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(Math.max(1e-6, value)), 0) / values.length)
}
