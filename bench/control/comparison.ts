/**
 * The tables of docs/comparison.md: the four patterns of the seed document in four scenarios, and its four failure modes
 * with and without Spillway. Everything is simulated but Spillway itself, which is the production gate and lane. Takes a minute or two.
 *
 *     node bench/control/comparison.ts [--seeds N]
 */
import { parseArgs } from 'node:util'
import { failureTables } from './comparison/failures.ts'
import { comparisonTable } from './comparison/table.ts'

const { values: options } = parseArgs({ options: { seeds: { type: 'string', default: '12' } } })
const seeds = Array.from({ length: Number(options.seeds) }, (_, index) => index + 1)

console.log(`${comparisonTable(seeds)}\n\n${failureTables(seeds)}\n`)
console.log(`${seeds.length} seeds; ± is the 95 % interval over them, by Student.`)
