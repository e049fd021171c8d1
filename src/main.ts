#!/usr/bin/env node
/**
 * The composition root: what was typed -> a command -> its exit code. The only process.exit in src.
 */
import { readFileSync } from 'node:fs'
import { HELP, parseArguments } from './cli/arguments.ts'
import type { Typed } from './cli/arguments.ts'
import { EXIT } from './cli/exit.ts'
import type { ExitCode } from './cli/exit.ts'

const OLDEST_NODE = [22, 19] as const

/** Commands are loaded when they are asked for: `healthcheck` runs every few seconds and needs none of the rest. */
async function execute(typed: Typed): Promise<ExitCode> {
  switch (typed.command) {
    case 'help':
      process.stdout.write(HELP)
      return EXIT.ok
    case 'version':
      process.stdout.write(`${version()}\n`)
      return EXIT.ok
    case 'run':
      return (await import('./cli/run.ts')).run(typed)
    case 'check':
      return (await import('./cli/check.ts')).check(typed, print)
    case 'healthcheck':
      return (await import('./cli/healthcheck.ts')).healthcheck(typed)
    case 'demo':
      return (await import('./cli/demo.ts')).demo()
    default:
      return typed.command satisfies never
  }
}

const print = {
  out: (line: string) => void process.stdout.write(`${line}\n`),
  err: (line: string) => void process.stderr.write(`${line}\n`),
}

function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

function isOldNode(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  return major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])
}

async function main(): Promise<ExitCode> {
  if (isOldNode()) {
    process.stderr.write(
      `spillway needs Node ${OLDEST_NODE.join('.')} or newer; this is ${process.versions.node}\n`,
    )
    return EXIT.usage
  }
  const parsed = parseArguments(process.argv.slice(2))
  if (!parsed.ok) {
    process.stderr.write(`${parsed.problem}\n`)
    return EXIT.usage
  }
  return execute(parsed.typed)
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
    process.exit(EXIT.failure)
  },
)
