/**
 * The tables that the benchmark prints: goodput by scenario and law, and the figures with their targets.
 */
import { figure, ratios, summary } from '../results.ts'
import type { Results, ScenarioResult } from '../results.ts'
import { interval } from './interval.ts'
import type { Interval } from './interval.ts'
import { table } from './table.ts'

const plain = (value: number, digits = 3): string => value.toFixed(digits)
const ranged = ({ mean, half }: Interval, digits = 3): string =>
  `${mean.toFixed(digits)} ±${half.toFixed(digits).replace(/^0/, '')}`

/** Goodput over the oracle's with the 95 % interval over seeds. */
export function goodputTable(results: Results, set: string): string {
  const scenarios = results.scenarios.filter((result) => result.set === set)
  const laws = results.laws.filter((law) => law !== 'oracle')
  const rows = scenarios.map((result) => [
    result.scenario.name,
    ...laws.map((law) => ranged(interval(ratios(result, law)))),
  ])
  const totals = laws.map((law) => summary(scenarios, law))
  return table([
    [`${set}: goodput / oracle`, ...laws],
    ...rows,
    ['geometric mean', ...totals.map(({ mean }) => ranged(mean))],
    ['worst', ...totals.map(({ worst }) => plain(worst))],
  ])
}

/** What one law does in each scenario, beside the oracle. */
export function detailTable(results: Results, law: string): string {
  const rows = results.scenarios.map((result) => {
    const { drop } = result.scenario
    const of = (pick: Parameters<typeof figure>[2], digits = 2): string =>
      plain(figure(result, law, pick).mean, digits)
    return [
      `${result.set} ${result.scenario.name}`,
      result.oracle.join('/'),
      of((measures, oracle) => measures.p99Ms / Math.max(1, oracle.p99Ms)),
      of((measures) => 100 * measures.wastedRatio, 1),
      of((measures) => measures.amplification),
      of((measures) => measures.meanRefusalWaitMs / 1000),
      ...(drop === undefined
        ? []
        : [of((measures) => measures.downSeconds ?? 0, 1), of((measures) => measures.backSeconds ?? 0, 1)]),
    ]
  })
  const head = [
    law,
    'oracle limit',
    'p99 / oracle',
    'wasted %',
    'attempts',
    'refusal wait s',
    'down s',
    'back s',
  ]
  return table([head, ...rows])
}

/** The targets of the project, with what was measured. */
export function targetTable(results: Results, law: string): string {
  const inSet = (set: string): ScenarioResult[] => results.scenarios.filter((result) => result.set === set)
  const named = (name: string): ScenarioResult | undefined =>
    results.scenarios.find((result) => result.scenario.name === name)
  const rows: string[][] = []
  for (const [set, mean, worst] of [
    ['eleven', '>= 0.98', '>= 0.96'],
    ['slowdown', '', '>= 0.92'],
    ['small', '', ''],
    ['V', '', ''],
    ['X', '', ''],
  ] as const) {
    if (inSet(set).length === 0) continue
    const total = summary(inSet(set), law)
    rows.push([`${set}: goodput / oracle, geometric mean`, ranged(total.mean), mean])
    rows.push([`${set}: worst scenario (${total.worstName})`, plain(total.worst), worst])
  }
  const add = (
    name: string,
    target: string,
    value: (result: ScenarioResult) => string,
    scenario: string,
  ): void => {
    const result = named(scenario)
    if (result !== undefined) rows.push([name, value(result), target])
  }
  const p99 = (result: ScenarioResult): Interval =>
    figure(result, law, (measures, oracle) => measures.p99Ms / oracle.p99Ms)
  add("tool's p99 / oracle's, steady pool", '<= 1.10', (result) => ranged(p99(result), 2), 'steady-pool')
  const small = inSet('small').map((result) => p99(result).mean)
  if (small.length > 0)
    rows.push(["tool's p99 / oracle's, lanes of 3 to 8, worst", plain(Math.max(...small), 2), '<= 1.25'])
  const seconds = (of: 'downSeconds' | 'backSeconds') => (result: ScenarioResult) => {
    const all = (result.measures[law] ?? []).map((measures) => measures[of] ?? 0)
    return `${ranged(interval(all), 1)}, worst ${plain(Math.max(...all), 1)}`
  }
  add('seconds down after a capacity drop', '<= 6, worst 12', seconds('downSeconds'), 'capacity-drop')
  add('seconds back', '<= 8', seconds('backSeconds'), 'capacity-drop')
  const beside = (of: (name: string, result: ScenarioResult) => string) => (result: ScenarioResult) =>
    ['oracle', 'unbounded'].reduce(
      (words, name) =>
        result.measures[name] === undefined ? words : `${words}, ${name} ${of(name, result)}`,
      of(law, result),
    )
  const wasted = (name: string, result: ScenarioResult): string =>
    `${plain(100 * figure(result, name, (measures) => measures.wastedRatio).mean, 1)} %`
  const attempts = (name: string, result: ScenarioResult): string =>
    plain(figure(result, name, (measures) => measures.amplification).mean, 2)
  add('wasted work in a retry storm', '<= 1.3 %', beside(wasted), 'retry-storm')
  add('attempts a request in a retry storm', '<= 1.28', beside(attempts), 'retry-storm')
  const light = inSet('light').map((result) => 1 - interval(ratios(result, law)).mean)
  if (light.length > 0) rows.push(['goodput lost at 0.7 load, worst', plain(Math.max(0, ...light), 4), '0'])
  return table([[law, 'measured', 'target'], ...rows])
}
