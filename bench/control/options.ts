/**
 * Parses the options of `npm run bench:control --`. An unknown option ends the process with the help.
 */
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

const HELP = `usage: npm run bench:control -- [options]

  --quick            few seeds, laws and scenarios: about 20 s
  --scenarios FILE   instead of the built-in ones: a module that exports \`scenarios\`, plain data as in bench/control/scenario.ts
  --sets A,B         only these sets of scenarios
  --laws A,B         only these laws (the oracle and adaptive are always there)
  --seeds N          random seeds for each scenario
  --out DIR          where results.json and the pictures go (default bench/control/out)
  --workers N        threads (default 2)
`

export interface Options {
  readonly quick: boolean
  readonly scenarios: string | undefined
  readonly sets: readonly string[] | undefined
  readonly laws: readonly string[] | undefined
  readonly seeds: number | undefined
  readonly out: string
  readonly workers: number
}

/** `known` are the names that --sets and --laws may take. Ends the process on --help and on what it cannot take. */
export function readOptions(known: {
  readonly sets: readonly string[]
  readonly laws: readonly string[]
}): Options {
  const typed = parse()
  if (typed.help === true) end(HELP, 0)
  const { scenarios } = typed
  if (scenarios !== undefined && !existsSync(scenarios)) end(`there is no file ${scenarios}\n${HELP}`, 2)
  return {
    quick: typed.quick ?? false,
    scenarios,
    sets: names(typed.sets, known.sets),
    laws: names(typed.laws, known.laws),
    seeds: count(typed.seeds),
    out: typed.out ?? resolve(import.meta.dirname, 'out'),
    workers: count(typed.workers) ?? Math.min(2, availableParallelism()),
  }
}

function parse() {
  try {
    const text = { type: 'string' } as const
    const flag = { type: 'boolean' } as const
    const options = {
      help: flag,
      quick: flag,
      scenarios: text,
      sets: text,
      laws: text,
      seeds: text,
      out: text,
      workers: text,
    }
    return parseArgs({ options }).values
  } catch (error) {
    return end(`${error instanceof Error ? error.message : String(error)}\n${HELP}`, 2)
  }
}

function names(typed: string | undefined, known: readonly string[]): readonly string[] | undefined {
  const wanted = typed?.split(',')
  const unknown = wanted?.find((name) => !known.includes(name))
  if (unknown !== undefined) end(`there is no ${JSON.stringify(unknown)}; there are ${known.join(', ')}\n`, 2)
  return wanted
}

function count(typed: string | undefined): number | undefined {
  if (typed !== undefined && !/^[1-9]\d{0,3}$/.test(typed))
    end(`${typed} is no whole number from 1 to 9999\n`, 2)
  return typed === undefined ? undefined : Number(typed)
}

function end(text: string, code: number): never {
  ;(code === 0 ? process.stdout : process.stderr).write(text)
  process.exit(code)
}
