/**
 * The oracle: for each phase of a scenario the fixed limit that gives the most goodput over the whole run, found by
 * search with seeds of its own. It knows when phases begin, which no law does.
 *
 *     1. one limit for all phases: the best of a geometric ladder
 *     2. phase after phase, up and down the ladder while goodput rises; then down while it stays within TIE of the best
 *
 * Two limits within TIE are the same limit: the smaller one keeps the tool's own queue shorter.
 */
import type { LimitRange, Decision, Limiter } from '../../src/lane/limit/limiter.ts'
import { run } from './engine/run.ts'
import type { RunSetup } from './engine/run.ts'
import { laneShape, oracleBoundsMs } from './scenario.ts'
import type { Scenario } from './scenario.ts'

const TIE = 0.005
/** Differences up to this share count as chance. */
const MOST_CHANCE = 0.015
/** Steps of the ladder grow by about this factor. */
const STEP = 1.15
/** Requests that a score needs at least, and the bounds of the number of runs for it. */
const REQUESTS_A_SCORE = 20_000
const FEWEST_RUNS = 3
const MOST_RUNS = 12
/** The first seed of the search; no law is measured with these seeds. */
const FIRST_SEED = 9001

/** Good answers with each seed. */
type Score = readonly number[]

/** A law that sets each limit at its moment. */
class ScheduledLimiter implements Limiter {
  readonly algorithm = 'oracle'
  readonly #limits: readonly number[]
  readonly #atMs: readonly number[]
  #next = 0

  constructor(limits: readonly number[], atMs: readonly number[]) {
    this.#limits = limits
    this.#atMs = atMs
  }

  sent(): void {}
  ended(): void {}
  moved(): void {}

  step(_limit: number, bounds: LimitRange, nowMs: number): Decision | undefined {
    if (nowMs < this.wakeAtMs()) return undefined
    const wanted = this.#limits[this.#next++] as number
    const limit = Math.min(bounds.max, Math.max(bounds.min, wanted))
    return { limit, action: 'hold', reason: 'operator', figures: { calls: 0, errorRate: 0 } }
  }

  wakeAtMs(): number {
    return this.#atMs[this.#next] ?? Infinity
  }
}

/** The lane of a run under an oracle with these limits. */
export function oracleSetup(scenario: Scenario, limits: readonly number[]): RunSetup {
  const first = limits[0] as number
  return {
    controller: { algorithm: 'fixed' },
    lane: { startConcurrent: first },
    limiter: new ScheduledLimiter(limits, oracleBoundsMs(scenario)),
  }
}

/** One limit for each of `oracleBoundsMs`. */
export function findOracle(scenario: Scenario, seeds: readonly number[] = searchSeeds(scenario)): number[] {
  const ladder = ladderOf(laneShape(scenario))
  const phases = oracleBoundsMs(scenario).length
  const known = new Map<string, Score>()
  const score = (rungs: readonly number[]): Score => {
    const key = rungs.join()
    const before = known.get(key)
    if (before !== undefined) return before
    const limits = rungs.map((rung) => ladder[rung] as number)
    const goods = seeds.map((seed) => run(scenario, oracleSetup(scenario, limits), seed).ledger.goods)
    known.set(key, goods)
    return goods
  }
  let rungs = bestConstant(ladder.length, (rung) => score(Array<number>(phases).fill(rung)), phases)
  for (let phase = 0; phase < phases; phase++) {
    const climbed = climb(rungs[phase] as number, ladder.length, (rung) => score(rungs.with(phase, rung)))
    rungs = rungs.with(phase, climbed)
  }
  return rungs.map((rung) => ladder[rung] as number)
}

function searchSeeds(scenario: Scenario): number[] {
  const first = scenario.callers.reduce(
    (sum, { rate }) => sum + Math.max(...rate.map((step) => step.perSecond)),
    0,
  )
  const runs = Math.round(REQUESTS_A_SCORE / (first * scenario.seconds))
  return Array.from(
    { length: Math.min(MOST_RUNS, Math.max(FEWEST_RUNS, runs)) },
    (_, index) => FIRST_SEED + index,
  )
}

function ladderOf(lane: { minConcurrent: number; maxConcurrent: number }): number[] {
  const ladder: number[] = []
  for (
    let limit = lane.minConcurrent;
    limit < lane.maxConcurrent;
    limit = Math.max(limit + 1, Math.round(limit * STEP))
  ) {
    ladder.push(limit)
  }
  return [...ladder, lane.maxConcurrent]
}

function bestConstant(rungs: number, score: (rung: number) => Score, phases: number): number[] {
  let best = 0
  for (let rung = 0; rung < rungs; rung += 3) if (isBetter(score(rung), score(best))) best = rung
  return Array<number>(phases).fill(climb(best, rungs, score))
}

function climb(start: number, rungs: number, score: (rung: number) => Score): number {
  let best = start
  // Steps of three pass over a small local minimum; single steps then find the maximum.
  for (const step of [3, -3, 1, -1]) {
    while (best + step >= 0 && best + step < rungs && isBetter(score(best + step), score(best))) best += step
  }
  const top = score(best)
  while (best > 0 && isTie(score(best - 1), top)) best--
  return best
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)

function isBetter(a: Score, b: Score): boolean {
  return sum(a) > sum(b)
}

/** Within TIE, or within what chance does between the same seeds. */
function isTie(score: Score, top: Score): boolean {
  const differences = top.map((goods, index) => goods - (score[index] as number))
  const mean = sum(differences) / differences.length
  const variance = sum(differences.map((difference) => (difference - mean) ** 2)) / (differences.length - 1)
  const chance = Math.min(MOST_CHANCE * sum(top), 2 * Math.sqrt(variance * differences.length))
  return sum(differences) <= Math.max(TIE * sum(top), chance)
}
