/**
 * Parses the command line into a command with its options, or into a usage error that says what to type instead. Pure.
 */
import { parseArgs } from 'node:util'

export const COMMANDS = ['run', 'check', 'demo', 'healthcheck'] as const
export type Command = (typeof COMMANDS)[number]

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  listen: { type: 'string' },
  admin: { type: 'string' },
  log: { type: 'string' },
  upstream: { type: 'string' },
  concurrency: { type: 'string' },
  'drain-seconds': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const

export interface Typed {
  readonly command: Command | 'help' | 'version'
  readonly config: string
  readonly log: 'json' | 'text' | undefined
  readonly upstream: string | undefined
  /** As typed. The configuration checks it. */
  readonly concurrency: string | undefined
  /** The flags that win over the file, as typed. */
  readonly flags: { readonly listen?: string; readonly admin?: string; readonly drainSeconds?: string }
}

export type ParsedArguments =
  { readonly ok: true; readonly typed: Typed } | { readonly ok: false; readonly problem: string }

export const HELP = `spillway: a bounded lane for every tool your agents call

usage: spillway [run] [-c tools.yaml]            start the proxy
       spillway --upstream URL [--concurrency N] start it for one tool, without a file
       spillway check [-c tools.yaml]            say what is wrong with the configuration
       spillway demo                             an overload with and without Spillway, in under a minute
       spillway healthcheck [-c tools.yaml]      exit 0 if a running proxy answers, for containers

options:
  -c, --config FILE       configuration (default tools.yaml)
      --listen ADDRESS    where agents call (default 127.0.0.1:8080, env SPILLWAY_LISTEN)
      --admin ADDRESS     metrics, health, operators (default 127.0.0.1:9090, env SPILLWAY_ADMIN)
      --log json|text     form of the log (default: text on a terminal, else json)
      --drain-seconds N   what SIGTERM gives running and waiting work (default 25)
      --upstream URL      one tool, without a file
      --concurrency N     its maxConcurrent
  -h, --help              this text
  -v, --version           the version

exit codes: 0 ok, 1 runtime failure, 2 usage, 3 bad configuration, 4 address in use, 5 drain ran out of time
`

export function parseArguments(args: readonly string[]): ParsedArguments {
  let parsed
  try {
    parsed = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true, strict: true })
  } catch (error) {
    return usage(error instanceof Error ? error.message : 'unknown option')
  }
  const { values, positionals } = parsed
  const [word = 'run', ...rest] = positionals
  if (rest.length > 0) return usage(`too many words: ${rest.join(' ')}`)
  const command =
    values.help === true ? 'help' : values.version === true ? 'version' : COMMANDS.find((c) => c === word)
  if (command === undefined) return usage(`there is no command ${JSON.stringify(word)}`)
  const { log, upstream } = values
  if (log !== undefined && log !== 'json' && log !== 'text') return usage('--log takes json or text')
  const { concurrency } = values
  if (concurrency !== undefined && upstream === undefined) return usage('--concurrency goes with --upstream')
  if (upstream !== undefined && (command === 'check' || command === 'demo' || command === 'healthcheck')) {
    return usage(`--upstream goes with run, not with ${command}`)
  }
  if (upstream !== undefined && values.config !== undefined) {
    return usage('--upstream stands in for a file: leave out --config')
  }
  const flags = {
    ...(values.listen !== undefined && { listen: values.listen }),
    ...(values.admin !== undefined && { admin: values.admin }),
    ...(values['drain-seconds'] !== undefined && { drainSeconds: values['drain-seconds'] }),
  }
  return {
    ok: true,
    typed: { command, config: values.config ?? 'tools.yaml', log, upstream, concurrency, flags },
  }
}

function usage(problem: string): ParsedArguments {
  return { ok: false, problem: `${problem}\nspillway --help lists commands and options` }
}
