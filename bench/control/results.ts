/**
 * Everything that was measured, as it is written to results.json, and what is told of it.
 */
import type { Measures } from './measure.ts'
import { geometricMean, interval } from './report/interval.ts'
import type { Interval } from './report/interval.ts'
import type { Scenario } from './scenario.ts'

export interface ScenarioResult {
  readonly set: string
  readonly scenario: Scenario
  readonly oracle: readonly number[]
  /** By law, one entry a seed. */
  readonly measures: Readonly<Record<string, readonly Measures[]>>
}

export interface Results {
  readonly seeds: readonly number[]
  readonly laws: readonly string[]
  readonly scenarios: readonly ScenarioResult[]
}

/** A law's goodput over the oracle's with the same seed. */
export function ratios(result: ScenarioResult, law: string): number[] {
  return (result.measures[law] ?? []).map(
    (measures, index) => measures.goods / Math.max(1, result.measures['oracle']?.[index]?.goods ?? 1),
  )
}

/** Over scenarios: the geometric mean (interval over seeds), and the scenario with the worst mean. */
export function summary(
  results: readonly ScenarioResult[],
  law: string,
): { mean: Interval; worst: number; worstName: string } {
  const bySeed = (results[0]?.measures[law] ?? []).map((_, seed) =>
    geometricMean(results.map((result) => ratios(result, law)[seed] ?? 0)),
  )
  const means = results.map((result) => ({
    name: result.scenario.name,
    mean: interval(ratios(result, law)).mean,
  }))
  const worst = means.reduce((least, each) => (each.mean < least.mean ? each : least), {
    name: '',
    mean: Infinity,
  })
  return { mean: interval(bySeed), worst: worst.mean, worstName: worst.name }
}

/** The mean of a figure over seeds. */
export function figure(
  result: ScenarioResult,
  law: string,
  of: (measures: Measures, oracle: Measures) => number,
): Interval {
  const oracle = result.measures['oracle'] ?? []
  return interval(
    (result.measures[law] ?? []).map((measures, index) => of(measures, oracle[index] ?? measures)),
  )
}
