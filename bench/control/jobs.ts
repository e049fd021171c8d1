/**
 * The jobs that the benchmark hands to its worker threads. Input and output are plain data.
 */
import { run } from './engine/run.ts'
import { laws } from './laws.ts'
import { dropReference, measure } from './measure.ts'
import type { Measures } from './measure.ts'
import { findOracle, oracleSetup } from './oracle.ts'
import { picture } from './report/picture.ts'
import type { Picture } from './report/svg.ts'
import { oracleBoundsMs } from './scenario.ts'
import type { Scenario } from './scenario.ts'

export type Job =
  | { readonly kind: 'oracle'; readonly scenario: Scenario; readonly isQuick: boolean }
  | {
      readonly kind: 'law'
      readonly scenario: Scenario
      readonly oracle: readonly number[]
      readonly law: string
      readonly seeds: readonly number[]
    }
  | {
      readonly kind: 'picture'
      readonly scenario: Scenario
      readonly oracle: readonly number[]
      readonly law: string
    }

export type Answer =
  | { readonly kind: 'oracle'; readonly limits: readonly number[] }
  | { readonly kind: 'law'; readonly measures: readonly Measures[] }
  | { readonly kind: 'picture'; readonly picture: Picture }

const PICTURE_SEED = 1
const QUICK_ORACLE_SEEDS = [9001, 9002]

export function work(job: Job): Answer {
  switch (job.kind) {
    case 'oracle':
      return {
        kind: 'oracle',
        limits: job.isQuick ? findOracle(job.scenario, QUICK_ORACLE_SEEDS) : findOracle(job.scenario),
      }
    case 'law':
      return { kind: 'law', measures: job.seeds.map((seed) => measureLaw(job, seed)) }
    case 'picture': {
      const { bins } = run(
        job.scenario,
        lawNamed(job.law).setupFor(job.scenario, job.oracle),
        PICTURE_SEED,
        true,
      ).ledger
      const oracle = run(job.scenario, oracleSetup(job.scenario, job.oracle), PICTURE_SEED, true).ledger.bins
      return { kind: 'picture', picture: picture(job.scenario, { name: job.law, bins }, oracle) }
    }
    default:
      return job satisfies never
  }
}

function measureLaw(job: Extract<Job, { kind: 'law' }>, seed: number): Measures {
  const { scenario, oracle } = job
  const isDropped = scenario.drop !== undefined
  // Only scenarios with a drop have figures that need the oracle's run beside the law's.
  const reference = isDropped
    ? dropReference(scenario, {
        limits: oracle,
        boundsMs: oracleBoundsMs(scenario),
        bins: run(scenario, oracleSetup(scenario, oracle), seed).ledger.bins,
      })
    : undefined
  return measure(scenario, run(scenario, lawNamed(job.law).setupFor(scenario, oracle), seed), reference)
}

function lawNamed(name: string) {
  const law = laws.find((each) => each.name === name)
  if (law === undefined) throw new Error(`no law is called ${name}`)
  return law
}
