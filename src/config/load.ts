/**
 * Reads tools.yaml, environment and flags, and returns either settings or every problem with its position. The only
 * file of this room that reads the disk. Must not know who asks: the start, a reload and `check` get the same.
 */
import { readFileSync, statSync } from 'node:fs'
import { buildSettings } from './build.ts'
import { doubleAddress, doubleMatches, loops } from './claims.ts'
import { laneConflicts } from './conflicts.ts'
import { mcpConflicts } from './mcp-lanes.ts'
import { formatPath } from './paths.ts'
import type { Places } from './places.ts'
import { inOrder, invalid } from './problems.ts'
import type { Complaint, Parsed, Problem } from './problems.ts'
import type { Settings } from './settings.ts'
import { checkShape } from './shape.ts'
import type { Shape } from './shape.ts'
import { readProcessSettings } from './process-settings.ts'
import type { Environment, Flags } from './process-settings.ts'
import { readSource } from './source.ts'

const LARGEST_BYTES = 1_048_576

export type SettingsResult =
  | { readonly ok: true; readonly settings: Settings }
  /** At least one. */
  | { readonly ok: false; readonly problems: readonly Problem[] }

export interface Overrides {
  /** As the operator named it; part of every message. */
  readonly file: string
  readonly env: Environment
  readonly flags: Flags
}

const NO_SHAPE: Shape = { complaints: [], file: undefined, remains: {}, isRefused: () => true }

/** Throws for no text. */
export function parseSettings({
  text,
  file,
  env,
  flags,
}: Overrides & { readonly text: string }): SettingsResult {
  const source = readSource(text)
  const shape = source.kind === 'read' ? checkShape(source.value) : NO_SHAPE
  const own = readProcessSettings(shape.remains, env, flags)
  const areAddressesGood = own.areAddressesGood && !shape.isRefused(['listen']) && !shape.isRefused(['admin'])
  const complaints = [
    ...shape.complaints,
    ...own.complaints,
    ...laneConflicts(shape),
    ...doubleMatches(shape),
    ...mcpConflicts(shape),
    ...(areAddressesGood ? [...doubleAddress(own), ...loops(shape.remains, own)] : []),
  ]
  const places = source.kind === 'read' ? source.places : undefined
  const problems = inOrder([
    ...source.flaws.map(({ place, path, what, remedy }) => ({ file, ...place, path, what, remedy })),
    ...complaints.map((complaint) => located(complaint, file, places)),
  ])
  if (problems.length > 0 || shape.file === undefined) return { ok: false, problems }
  return { ok: true, settings: buildSettings(shape.file, own) }
}

/** For a file that cannot be read, the problems of environment and flags are returned, too. */
export function readSettings({ file, env, flags }: Overrides): SettingsResult {
  const text = readText(file)
  if (text.ok) return parseSettings({ text: text.value, file, env, flags })
  const { what, remedy } = text
  const others = readProcessSettings({}, env, flags).complaints.map((complaint) =>
    located(complaint, file, undefined),
  )
  const unreadable = { file, line: undefined, column: undefined, path: '', what, remedy }
  return { ok: false, problems: [unreadable, ...others] }
}

function located({ where, what, remedy }: Complaint, file: string, places: Places | undefined): Problem {
  if (where.kind === 'named' || places === undefined) {
    const name = where.kind === 'named' ? where.name : file
    return { file: name, line: undefined, column: undefined, path: '', what, remedy }
  }
  return { file, ...places.of(where), path: formatPath(where.path), what, remedy }
}

function readText(file: string): Parsed<string> {
  try {
    const { size } = statSync(file)
    if (size > LARGEST_BYTES) return fileTooLarge()
    const bytes = readFileSync(file)
    // The size of a pipe is known only after it is read.
    if (bytes.length > LARGEST_BYTES) return fileTooLarge()
    return { ok: true, value: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch (error) {
    return unreadableFile(error instanceof Error && 'code' in error ? String(error.code) : '')
  }
}

function fileTooLarge() {
  return invalid('is larger than 1 MiB', 'name the tools.yaml of Spillway with -c FILE')
}

function unreadableFile(code: string) {
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return invalid(
        'there is no such file',
        'write it, name another with -c FILE, or use --upstream URL without a file',
      )
    case 'EISDIR':
      return invalid('is a directory', 'name the file in it with -c FILE')
    case 'EACCES':
    case 'EPERM':
      return invalid('may not be read by this user', 'give this user the right to read it')
    case 'ERR_ENCODING_INVALID_ENCODED_DATA':
      return invalid('is not UTF-8 text', 'save it as UTF-8')
    default:
      return invalid(`cannot be read${code === '' ? '' : ` (${code})`}`, 'look at the file and its disk')
  }
}
