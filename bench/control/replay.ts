/**
 * Runs three scenarios of the benchmark on real sockets through the running proxy, to compare the wire with the simulation.
 * Prints both side by side and writes a picture of each scenario. Takes three minutes.
 *
 *     node bench/control/replay.ts [--scenarios a,b] [--seed N] [--algorithm adaptive|gradient] [--out DIR]
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { run } from './engine/run.ts'
import { figures } from './replay/figures.ts'
import { picture, sideBySide } from './replay/report.ts'
import type { Compared } from './replay/report.ts'
import { PHASE_SECONDS, replayed } from './replay/scenarios.ts'
import { replay } from './replay/wire.ts'
import { svg } from './report/svg.ts'
import type { Scenario } from './scenario.ts'

/** Seeds of the simulation that show the variation by chance. */
const SPREAD_SEEDS = Array.from({ length: 12 }, (_, index) => index + 1)

const { values: options } = parseArgs({
  options: {
    scenarios: { type: 'string' },
    seed: { type: 'string', default: '1' },
    algorithm: { type: 'string', default: 'adaptive' },
    out: { type: 'string', default: resolve(import.meta.dirname, 'out') },
  },
})

function algorithmNamed(name: string): 'adaptive' | 'gradient' {
  if (name === 'adaptive' || name === 'gradient') return name
  throw new Error(`no algorithm ${name} that needs no figures; write adaptive or gradient`)
}

async function compare(scenario: Scenario, seed: number): Promise<Compared> {
  const algorithm = algorithmNamed(options.algorithm)
  const simulate = (of: number) => run(scenario, { controller: { algorithm } }, of, true).ledger
  const sim = simulate(seed)
  const wire = await replay(scenario, algorithm, seed)
  const drawing = svg(picture(scenario, sim.bins, wire.bins))
  writeFileSync(resolve(options.out, `replay-${scenario.name}.svg`), drawing)
  return {
    scenario,
    sim: figures(scenario, sim),
    wire: figures(scenario, wire),
    spread: SPREAD_SEEDS.map((of) => figures(scenario, simulate(of))),
  }
}

// A signal ends this process by its own exit, which takes the children along.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
mkdirSync(options.out, { recursive: true })
const seed = Number(options.seed)
const names = options.scenarios?.split(',')
const compared: Compared[] = []
for (const scenario of replayed) {
  if (names?.includes(scenario.name) ?? true) compared.push(await compare(scenario, seed))
}
console.log(`${sideBySide(compared)}\n`)
console.log(
  `${options.algorithm}, seed ${seed}: the same calls at the same moments in both. The scenarios are the benchmark's, each phase cut to\n` +
    `${PHASE_SECONDS} s for both. Pictures in ${options.out}`,
)
