/**
 * The seed's comparison table with figures: each pattern in each scenario, means over seeds with 95 % intervals.
 *
 *     waited           before a call was sent or refused; callers that gave up in the queue are not counted
 *     before refusal   of those that were refused
 *     wasted work      share of the tool's work done for callers who had gone
 */
import { findOracle } from '../oracle.ts'
import { interval } from '../report/interval.ts'
import { table } from '../report/table.ts'
import type { Scenario } from '../scenario.ts'
import { eleven } from '../scenarios/eleven.ts'
import { runOperated } from './operated.ts'
import type { OperatedRun } from './operated.ts'
import { ORACLE, patterns } from './patterns.ts'
import type { Pattern } from './patterns.ts'
import { ranged } from './ranged.ts'

const NAMES = ['steady-pool', 'capacity-drop', 'latency-spike', 'retry-storm']

const HEAD = ['goodput / oracle', "tool's p99 s", 'waited s', 'before refusal s', 'wasted work %']

export function comparisonTable(seeds: readonly number[]): string {
  const scenarios = NAMES.map((name) => eleven.find((scenario) => scenario.name === name))
  const blocks = scenarios.flatMap((scenario) => (scenario === undefined ? [] : block(scenario, seeds)))
  return table([['', ...HEAD], ...blocks])
}

function block(scenario: Scenario, seeds: readonly number[]): string[][] {
  const limits = findOracle(scenario)
  const runs = (pattern: Pattern): OperatedRun[] => {
    const orders = pattern.orders(scenario, limits)
    return seeds.map((seed) =>
      runOperated({ scenario, setup: pattern.setupFor(scenario, limits), orders }, seed),
    )
  }
  const oracle = runs(ORACLE)
  const rows = [...patterns, ORACLE].map((pattern) => {
    const name = pattern === ORACLE ? `oracle (limit ${limits.join(', then ')})` : pattern.name
    return [`  ${name}`, ...figuresOf(pattern === ORACLE ? oracle : runs(pattern), oracle)]
  })
  return [[scenario.name], ...rows]
}

function figuresOf(runs: readonly OperatedRun[], oracle: readonly OperatedRun[]): string[] {
  const over = (of: (run: OperatedRun, index: number) => number, digits: number): string =>
    ranged(interval(runs.map(of)), digits)
  return [
    over((run, index) => run.ledger.goods / (oracle[index]?.ledger.goods ?? NaN), 3),
    over((run) => p99Ms(run) / 1000, 1),
    over((run) => waitedMs(run) / 1000, 2),
    runs.every((run) => run.ledger.refusals === 0) ? 'none' : over(refusalSeconds, 2),
    over((run) => (100 * run.tool.done.wastedMs) / run.tool.done.workMs, 1),
  ]
}

function p99Ms({ ledger }: OperatedRun): number {
  const latencies = ledger.latencies()
  return latencies[Math.max(0, Math.ceil(0.99 * latencies.length) - 1)] ?? 0
}

function refusalSeconds({ ledger }: OperatedRun): number {
  return ledger.refusalWaitMs / Math.max(1, ledger.refusals) / 1000
}

/** Milliseconds before a call was sent or refused: the mean over both. */
function waitedMs({ ledger, waits }: OperatedRun): number {
  return (waits.sumMs + ledger.refusalWaitMs) / (waits.calls + ledger.refusals)
}
