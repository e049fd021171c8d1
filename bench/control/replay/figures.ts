/**
 * What is compared between simulation and wire, out of either's ledger. Pure.
 *
 *     limit before, after   mean over the last 5 s before the change, and over the last 5 s of the run
 *     lowest, highest       while the tool is different
 *     seconds down          until the limit is at most 2.6 x the servers that are left (only where capacity drops)
 *     seconds back          from the tool's return until the next 5 s hold 90 % of the good answers that the last 10 s
 *                           before the change had in 5 s
 */
import { BIN_MS } from '../engine/ledger.ts'
import type { Bin, Ledger } from '../engine/ledger.ts'
import type { Scenario } from '../scenario.ts'
import { PHASE_SECONDS } from './scenarios.ts'

export interface Figures {
  readonly requests: number
  readonly goods: number
  readonly refusals: number
  readonly limitBefore: number
  readonly limitLowest: number
  readonly limitHighest: number
  readonly limitAfter: number
  /** Undefined where there is no drop; Infinity when it never came down. */
  readonly downSeconds: number | undefined
  readonly backSeconds: number
}

const DOWN_RATIO = 2.6
const BACK_RATIO = 0.9
const FIVE_SECONDS = 5000 / BIN_MS
const PHASE = (PHASE_SECONDS * 1000) / BIN_MS

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length
const goodsOf = (bins: readonly Bin[]): number => mean(bins.map((bin) => bin.good))
const seconds = (bins: number): number => (bins * BIN_MS) / 1000

export function figures(scenario: Scenario, { requests, goods, refusals, bins }: Ledger): Figures {
  const limits = bins.map((bin) => bin.limit)
  const during = limits.slice(PHASE, 2 * PHASE)
  return {
    requests,
    goods,
    refusals,
    limitBefore: mean(limits.slice(PHASE - FIVE_SECONDS, PHASE)),
    limitLowest: Math.min(...during),
    limitHighest: Math.max(...during),
    limitAfter: mean(limits.slice(-FIVE_SECONDS)),
    downSeconds: scenario.drop && downSeconds(scenario, during),
    backSeconds: backSeconds(bins),
  }
}

function downSeconds(scenario: Scenario, during: readonly number[]): number {
  const left = scenario.tool.changes?.[0]?.capacity ?? Infinity
  const index = during.findIndex((limit) => limit <= DOWN_RATIO * left)
  return index < 0 ? Infinity : seconds(index + 1)
}

function backSeconds(bins: readonly Bin[]): number {
  const wanted = BACK_RATIO * goodsOf(bins.slice(PHASE - 2 * FIVE_SECONDS, PHASE))
  const after = bins.slice(2 * PHASE)
  const index = after.findIndex(
    (_, from) =>
      from + FIVE_SECONDS <= after.length && goodsOf(after.slice(from, from + FIVE_SECONDS)) >= wanted,
  )
  return index < 0 ? Infinity : seconds(index)
}
