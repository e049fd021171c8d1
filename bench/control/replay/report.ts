/**
 * The replay's table, simulation and wire side by side, and its picture. Pure.
 */
import type { Bin } from '../engine/ledger.ts'
import { BIN_MS } from '../engine/ledger.ts'
import type { Panel, Picture } from '../report/svg.ts'
import { table } from '../report/table.ts'
import type { Scenario } from '../scenario.ts'
import type { Figures } from './figures.ts'

export interface Compared {
  readonly scenario: Scenario
  readonly sim: Figures
  readonly wire: Figures
  /** The simulation with other seeds: the variation by chance. */
  readonly spread: readonly Figures[]
}

const ROWS: readonly (readonly [string, (figures: Figures) => number | undefined, number])[] = [
  ['calls', (of) => of.requests, 0],
  ['answered in time', (of) => of.goods, 0],
  ['goodput, share of calls', (of) => of.goods / of.requests, 3],
  ['refused by Spillway', (of) => of.refusals, 0],
  ['limit before', (of) => of.limitBefore, 1],
  ['limit, lowest during', (of) => of.limitLowest, 0],
  ['limit, highest during', (of) => of.limitHighest, 0],
  ['limit after', (of) => of.limitAfter, 1],
  ['seconds down', (of) => of.downSeconds, 1],
  ['seconds back', (of) => of.backSeconds, 1],
]

export function sideBySide(all: readonly Compared[]): string {
  const head = ['', 'sim', 'wire', 'sim, least .. most of its seeds']
  const blocks = all.map(({ scenario, sim, wire, spread }) => [
    [scenario.name],
    ...ROWS.flatMap(([name, of, digits]) => {
      const others = spread.map(of).filter((value) => value !== undefined)
      if (of(sim) === undefined) return []
      const range = `${shown(Math.min(...others), digits)} .. ${shown(Math.max(...others), digits)}`
      return [[`  ${name}`, shown(of(sim), digits), shown(of(wire), digits), range]]
    }),
  ])
  return table([head, ...blocks.flat()])
}

function shown(value: number | undefined, digits: number): string {
  return value === Infinity ? 'never' : (value?.toFixed(digits) ?? '')
}

const SIM = '#bf8700'
const WIRE = '#0969da'
/** Bins over which one point of goodput is averaged: 4 seconds. */
const SMOOTH_BINS = 8

export function picture(scenario: Scenario, sim: readonly Bin[], wire: readonly Bin[]): Picture {
  const beside = (title: string, of: (bins: readonly Bin[]) => number[]): Panel => ({
    title,
    series: [
      { label: 'wire', values: of(wire), color: WIRE },
      { label: 'simulation', values: of(sim), color: SIM, dashed: true },
    ],
  })
  return {
    title: `${scenario.name}: through the running proxy, beside the simulation`,
    about: scenario.about,
    seconds: scenario.seconds,
    panels: [
      beside('limit', (bins) => bins.map((bin) => bin.limit)),
      beside('calls in flight', (bins) => bins.map((bin) => bin.active)),
      beside('answers in time, a second', goodputPerSec),
    ],
  }
}

function goodputPerSec(bins: readonly Bin[]): number[] {
  return bins.map((_, index) => {
    const recent = bins.slice(Math.max(0, index - SMOOTH_BINS + 1), index + 1)
    return recent.reduce((sum, bin) => sum + bin.good, 0) / ((recent.length * BIN_MS) / 1000)
  })
}
