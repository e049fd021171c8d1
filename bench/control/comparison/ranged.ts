/**
 * How a mean and its interval are written. Pure.
 */
import type { Interval } from '../report/interval.ts'

export function ranged({ mean, half }: Interval, digits: number): string {
  return `${mean.toFixed(digits)} ±${half.toFixed(digits).replace(/^0(?=\.)/, '')}`
}
