/**
 * The benchmark of the control law: every law on every scenario, beside an oracle. Prints tables, writes results.json
 * and a picture of each scenario.
 *
 *     node bench/control/main.ts [--quick] [--scenarios FILE.ts] [--sets a,b] [--laws a,b] [--seeds N] [--out DIR] [--workers N]
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Answer, Job } from './jobs.ts'
import { laws } from './laws.ts'
import { readOptions } from './options.ts'
import { svg } from './report/svg.ts'
import { detailTable, goodputTable, targetTable } from './report/tables.ts'
import type { Results, ScenarioResult } from './results.ts'
import type { Scenario } from './scenario.ts'
import { sets } from './scenarios.ts'
import type { ScenarioSet } from './scenarios.ts'
import { Workers } from './workers.ts'

const SUBJECT = 'adaptive'
const QUICK_LAWS = ['oracle', SUBJECT, 'aimd (seed)', 'gradient2', 'unbounded']

const options = readOptions({ sets: sets.map(({ name }) => name), laws: laws.map(({ name }) => name) })

async function chosenSets(): Promise<readonly ScenarioSet[]> {
  if (options.scenarios !== undefined) {
    const file = (await import(pathToFileURL(resolve(options.scenarios)).href)) as {
      scenarios: readonly Scenario[]
    }
    if (!Array.isArray(file.scenarios))
      throw new Error(`${options.scenarios} exports no list named scenarios`)
    return [{ name: 'outside', scenarios: file.scenarios }]
  }
  const names = options.sets ?? (options.quick ? ['eleven'] : undefined)
  return sets.filter((set) => names?.includes(set.name) ?? true)
}

function chosenLaws(): string[] {
  const wanted = options.laws ?? (options.quick ? QUICK_LAWS : laws.map((law) => law.name))
  return [...new Set(['oracle', SUBJECT, ...wanted])]
}

function only<Kind extends Answer['kind']>(
  answers: readonly Answer[],
  kind: Kind,
): Extract<Answer, { kind: Kind }>[] {
  return answers.filter((answer): answer is Extract<Answer, { kind: Kind }> => answer.kind === kind)
}

async function measureAll(workers: Workers): Promise<Results> {
  const chosen = (await chosenSets()).flatMap(({ name, scenarios }) =>
    scenarios.map((scenario) => ({ set: name, scenario })),
  )
  const seeds = Array.from({ length: options.seeds ?? (options.quick ? 3 : 12) }, (_, index) => index + 1)
  const names = chosenLaws()
  const searches = chosen.map(({ scenario }): Job => ({ kind: 'oracle', scenario, isQuick: options.quick }))
  const oracles = only(await workers.run(searches), 'oracle').map((answer) => answer.limits)
  const jobs = chosen.flatMap(({ scenario }, index) =>
    names.map((law): Job => ({ kind: 'law', scenario, oracle: oracles[index] ?? [], law, seeds })),
  )
  const answers = only(await workers.run(jobs), 'law')
  const scenarios = chosen.map(({ set, scenario }, index): ScenarioResult => ({
    set,
    scenario,
    oracle: oracles[index] ?? [],
    measures: Object.fromEntries(
      names.map((law, place) => [law, answers[index * names.length + place]?.measures ?? []]),
    ),
  }))
  return { seeds, laws: names, scenarios }
}

async function drawAll(workers: Workers, results: Results, folder: string): Promise<void> {
  const jobs = results.scenarios.map(({ scenario, oracle }): Job => ({
    kind: 'picture',
    scenario,
    oracle,
    law: SUBJECT,
  }))
  const answers = only(await workers.run(jobs), 'picture')
  for (const [index, { picture }] of answers.entries()) {
    writeFileSync(resolve(folder, `${results.scenarios[index]?.scenario.name ?? index}.svg`), svg(picture))
  }
}

const startedAtMs = Date.now()
const workers = new Workers(options.workers)
const results = await measureAll(workers)
mkdirSync(options.out, { recursive: true })
writeFileSync(resolve(options.out, 'results.json'), `${JSON.stringify(results, null, 1)}\n`)
await drawAll(workers, results, options.out)
await workers.close()
for (const set of new Set(results.scenarios.map((result) => result.set)))
  console.log(`${goodputTable(results, set)}\n`)
console.log(`${detailTable(results, SUBJECT)}\n\n${targetTable(results, SUBJECT)}\n`)
console.log(
  'Not measured: priority and fairness (see test/lane for both). ± is the 95 % interval over seeds, by Student.\n' +
    `${results.seeds.length} seeds, ${((Date.now() - startedAtMs) / 1000).toFixed(0)} s; pictures and results.json in ${options.out}`,
)
