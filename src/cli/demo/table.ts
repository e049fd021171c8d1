/**
 * The table at the end of the demo: the figures of both runs side by side, as plain text and without a verdict. Pure.
 */
import type { Figures } from './figures.ts'

type Row = readonly [label: string, of: (figures: Figures) => string]

const ROWS: readonly Row[] = [
  ['calls to the flaky tool', ({ calls }) => String(calls)],
  ['  that succeeded', ({ succeeded, calls }) => `${succeeded} (${percent(succeeded, calls)})`],
  ['  p50 of these', ({ p50Ms }) => duration(p50Ms)],
  ['  p95', ({ p95Ms }) => duration(p95Ms)],
  ['  p99', ({ p99Ms }) => duration(p99Ms)],
  ['  p99 with those given up', ({ allP99Ms }) => duration(allP99Ms)],
  ['requests for them, with retries', ({ requests }) => String(requests)],
  ['  timed out', ({ endings }) => String(endings.timed_out)],
  ['  failed', ({ endings }) => String(endings.failed + endings.broken)],
  ['  refused before the tool was called', ({ endings }) => String(endings.refused)],
  ['calls the flaky tool worked on', ({ counts }) => String(counts.started)],
  [
    '  wasted: the caller had left',
    ({ counts }) => `${counts.wasted} (${percent(counts.wasted, counts.started)})`,
  ],
  ['  most at once', ({ counts }) => String(counts.mostAtOnce)],
  ['healthy tool: p99 before the overload', ({ healthyQuietP99Ms }) => duration(healthyQuietP99Ms)],
  ['healthy tool: p99 during it', ({ healthyBurstP99Ms }) => duration(healthyBurstP99Ms)],
]

export function comparison(direct: Figures, through: Figures): string {
  const rows = ROWS.map(([label, of]) => [label, of(direct), of(through)])
  return align([['', 'straight at the tool', 'through Spillway'], ...rows])
}

/** Columns as wide as their widest cell; the first to the left, the others to the right. */
export function align(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => pad(cell, widths[column] ?? 0, column)).join('   ')
  return `${rows.map((row) => line(row).trimEnd()).join('\n')}\n`
}

function pad(cell: string, width: number, column: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width)
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '-' : `${Math.round((100 * part) / whole)} %`
}

function duration(ms: number | undefined): string {
  return ms === undefined ? '-' : `${Math.round(ms)} ms`
}
