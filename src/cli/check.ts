/**
 * `spillway check`: says whether Spillway would start with this configuration. It uses the same code as the start.
 * Must not open a socket or know how to start.
 */
import { shortage } from '../capacity/capacity.ts'
import { readSettings } from '../config/load.ts'
import { formatProblem } from '../config/problems.ts'
import type { Typed } from './arguments.ts'
import { EXIT } from './exit.ts'
import type { ExitCode } from './exit.ts'
import { openFileLimit } from './open-files.ts'

export interface Print {
  readonly out: (line: string) => void
  readonly err: (line: string) => void
}

/** 0 for a configuration with which Spillway would start, also if there is a warning; else 3. */
export function check(
  { config: file, flags }: Pick<Typed, 'config' | 'flags'>,
  { out, err }: Print,
  openFiles = openFileLimit(),
): ExitCode {
  const result = readSettings({ file, env: process.env, flags })
  if (!result.ok) {
    for (const problem of result.problems) err(formatProblem(problem))
    err(`${file}: ${counted(result.problems.length, 'problem')}; Spillway would not start`)
    return EXIT.configuration
  }
  const names = result.settings.tools.map(({ tool }) => tool)
  out(`${file}: ok, ${counted(names.length, 'tool')}: ${names.join(', ')}`)
  const short = shortage(openFiles, result.settings.tools)
  if (short !== undefined) err(`${file}: warning: ${short.what}; ${short.remedy}`)
  out(`start it: spillway run -c ${file}`)
  return EXIT.ok
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
