/**
 * The median of figures, and an aligned table of rows on standard output.
 */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const high = sorted[middle] ?? NaN
  return sorted.length % 2 === 1 ? high : (high + (sorted[middle - 1] ?? NaN)) / 2
}

export function printTable(rows: readonly Readonly<Record<string, string | number>>[]): void {
  const keys = Object.keys(rows[0] ?? {})
  const cells = [keys, ...rows.map((row) => keys.map((key) => show(row[key])))]
  const widths = keys.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)))
  for (const line of cells) {
    process.stdout.write(`${line.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('  ')}\n`)
  }
}

function show(value: string | number | undefined): string {
  if (typeof value !== 'number') return value ?? ''
  return Number.isNaN(value) ? '-' : value.toFixed(value >= 100 ? 0 : 2)
}
