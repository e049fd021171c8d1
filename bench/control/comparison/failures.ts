/**
 * The seed's four failure modes in figures, each without and with Spillway: the same jobs, the same random numbers.
 */
import { interval } from '../report/interval.ts'
import { table } from '../report/table.ts'
import { contagion } from './contagion.ts'
import type { FailureMode, Figure } from './failure-mode.ts'
import { ranged } from './ranged.ts'
import { retryStorm } from './retry-storm.ts'
import { staleWork } from './stale-work.ts'
import { zombieSlots } from './zombie-slots.ts'

const modes: readonly FailureMode[] = [retryStorm, zombieSlots, staleWork, contagion]

export function failureTables(seeds: readonly number[]): string {
  return modes.map((mode) => modeTable(mode, seeds)).join('\n\n')
}

function modeTable(mode: FailureMode, seeds: readonly number[]): string {
  const [without, withSpillway] = [false, true].map((isWith) => seeds.map((seed) => mode.run(isWith, seed)))
  const over = (runs: readonly (readonly Figure[])[] | undefined, row: number, digits: number): string =>
    ranged(interval((runs ?? []).map((figures) => figures[row]?.value ?? NaN)), digits)
  const rows = (without?.[0] ?? []).map(({ name, digits }, row) => [
    name,
    over(without, row, digits),
    over(withSpillway, row, digits),
  ])
  return `${mode.name}: ${mode.about}\n${table([['', mode.without, mode.with], ...rows])}`
}
