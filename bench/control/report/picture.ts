/**
 * What the picture of a scenario shows: the law's run and the oracle's run with the same seed, bin by bin.
 */
import { BIN_MS } from '../engine/ledger.ts'
import type { Bin } from '../engine/ledger.ts'
import type { Scenario } from '../scenario.ts'
import type { Panel, Picture } from './svg.ts'

const LAW = '#0969da'
const FLIGHT = '#8250df'
const ORACLE = '#bf8700'
/** Bins over which one point of p95 and goodput is averaged: 4 seconds. */
const SMOOTH_BINS = 8

export function picture(
  scenario: Scenario,
  law: { name: string; bins: readonly Bin[] },
  oracle: readonly Bin[],
): Picture {
  const limits: Panel = {
    title: 'limit and calls in flight',
    series: [
      { label: `limit, ${law.name}`, values: law.bins.map((bin) => bin.limit), color: LAW },
      { label: 'in flight', values: law.bins.map((bin) => bin.active), color: FLIGHT },
      { label: 'limit, oracle', values: oracle.map((bin) => bin.limit), color: ORACLE, dashed: true },
    ],
  }
  const beside = (title: string, of: (bins: readonly Bin[]) => (number | undefined)[]): Panel => ({
    title,
    series: [
      { label: law.name, values: of(law.bins), color: LAW },
      { label: 'oracle', values: of(oracle), color: ORACLE, dashed: true },
    ],
  })
  return {
    title: `${scenario.name}: ${law.name} beside the oracle`,
    about: scenario.about,
    seconds: scenario.seconds,
    panels: [
      limits,
      beside("the tool's p95, seconds", p95Seconds),
      beside('answers in time, a second', goodputPerSec),
    ],
  }
}

function p95Seconds(bins: readonly Bin[]): (number | undefined)[] {
  return bins.map((_, index) => {
    const recent = bins
      .slice(Math.max(0, index - SMOOTH_BINS + 1), index + 1)
      .flatMap((bin) => bin.latenciesMs)
    const sorted = recent.sort((a, b) => a - b)
    const p95Ms = sorted[Math.ceil(0.95 * sorted.length) - 1]
    return p95Ms === undefined ? undefined : p95Ms / 1000
  })
}

function goodputPerSec(bins: readonly Bin[]): number[] {
  return bins.map((_, index) => {
    const recent = bins.slice(Math.max(0, index - SMOOTH_BINS + 1), index + 1)
    return recent.reduce((sum, bin) => sum + bin.good, 0) / ((recent.length * BIN_MS) / 1000)
  })
}
