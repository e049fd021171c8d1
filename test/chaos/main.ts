/**
 * `npm run chaos -- --seconds 180 --seed 7 [--store]` runs callers, tools, stores and operators that misbehave at random
 * against a real process and checks invariants throughout. Prints the seed first; exit code 1 after a violation.
 */
import { parseArgs } from 'node:util'
import { runChaos } from './run.ts'

const USAGE = 'usage: npm run chaos -- [--seconds 60] [--seed NUMBER] [--store]'

function options() {
  try {
    const { values } = parseArgs({
      options: {
        seconds: { type: 'string' },
        seed: { type: 'string' },
        store: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    })
    const [seconds, seed] = [Number(values.seconds ?? 60), Number(values.seed ?? Date.now() % 1_000_000)]
    if (values.help === true || !(seconds > 0) || !Number.isInteger(seed)) return undefined
    return { seconds, seed, withStore: values.store === true }
  } catch {
    return undefined
  }
}

const chosen = options()
if (chosen === undefined) {
  console.error(USAGE)
  process.exitCode = 2
} else {
  console.log(`chaos: seed ${chosen.seed}, ${chosen.seconds} s${chosen.withStore ? ', with a store' : ''}`)
  const { violations, counts, log } = await runChaos({ ...chosen, progress: (line) => console.log(line) })
  for (const [what, count] of [...counts].toSorted()) console.log(`${String(count).padStart(8)}  ${what}`)
  for (const line of violations) console.log(`BROKEN: ${line}`)
  if (violations.length > 0) console.log(['the log ends with', ...log].join('\n  '))
  console.log(
    violations.length === 0 ? 'all invariants held' : `${violations.length} violations, seed ${chosen.seed}`,
  )
  process.exitCode = violations.length === 0 ? 0 : 1
}
