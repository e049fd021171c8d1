/**
 * The keys that a flag or an environment variable can overrule: which value counts, and where it was given. A flag wins
 * over the environment, the environment over the file, the file over the default. An overruled value is checked, too:
 * it counts as soon as the flag or variable is gone. Must not know tools.
 */
import { parseAddress } from './address.ts'
import { adviceIn } from './fields.ts'
import { PROCESS_KEYS } from './keys/process.ts'
import type { Complaint, Parsed, Where } from './problems.ts'
import type { Remains } from './schema.ts'
import type { Address } from './settings.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** The keys that a flag or a variable can overrule. */
type Overruled = 'listen' | 'admin' | 'drainSeconds'

/** The flags as typed, by the key that each of them overrules. */
export type Flags = { readonly [Name in Overruled]?: string | undefined }

export interface Sourced<T> {
  readonly value: T
  /** Undefined for a built-in value. */
  readonly where: Where | undefined
}

export interface ProcessSettings {
  readonly listen: Sourced<Address>
  readonly admin: Sourced<Address>
  /** The values that count, in the form that the file has. */
  readonly written: ReadonlyMap<string, unknown>
  readonly complaints: readonly Complaint[]
  /** Whether every given address is valid, so that the two can be compared. */
  readonly areAddressesGood: boolean
}

type Text = string | number

interface Written {
  readonly where: Where | undefined
  readonly text: Text | undefined
}

export function readProcessSettings(file: Remains, env: Environment, flags: Flags): ProcessSettings {
  const complaints: Complaint[] = []
  const given = { file, env, flags }
  const listen = first(candidates('listen', given), parseAddress, complaints)
  const admin = first(candidates('admin', given), parseAddress, complaints)
  const areAddressesGood = complaints.length === 0
  const drainSeconds = first(candidates('drainSeconds', given), parseSeconds, complaints)
  const written = new Map<string, unknown>([
    ['listen', listen.text],
    ['admin', admin.text],
    ['drainSeconds', drainSeconds.value],
  ])
  return { listen, admin, written, areAddressesGood, complaints }
}

/** All values of a key: flag, environment, file, default. The first one that is given counts. */
function candidates(
  name: Overruled,
  { file, env, flags }: { readonly file: Remains; readonly env: Environment; readonly flags: Flags },
): readonly Written[] {
  const { flag = '', variable, default: fallback } = PROCESS_KEYS[name]
  const builtIn = fallback.kind === 'given' ? (fallback.value as Text) : undefined
  return [
    { where: named(flag), text: flags[name] },
    ...(variable === undefined ? [] : [{ where: named(variable), text: env[variable] }]),
    { where: { kind: 'value', path: [name] }, text: file[name] },
    { where: undefined, text: builtIn },
  ]
}

function named(name: string): Where {
  return { kind: 'named', name }
}

/** The first valid value. `complaints` gets what is wrong with each invalid one. The default is always valid. */
function first<T>(
  written: readonly Written[],
  parse: (text: Text) => Parsed<T>,
  complaints: Complaint[],
): Sourced<T> & { readonly text: Text } {
  let found: (Sourced<T> & { readonly text: Text }) | undefined
  for (const { where, text } of written) {
    if (text === undefined) continue
    const parsed = parse(text)
    if (parsed.ok) found ??= { value: parsed.value, where, text }
    else if (where !== undefined) complaints.push({ where, what: parsed.what, remedy: parsed.remedy })
  }
  if (found === undefined) throw new Error('the default of a key of the process is invalid')
  return found
}

function parseSeconds(text: Text): Parsed<number> {
  const isNumber = typeof text === 'number' || /^\d+(\.\d+)?$/.test(text)
  const parsed = PROCESS_KEYS.drainSeconds.field.schema.safeParse(isNumber ? Number(text) : text)
  if (parsed.success) return { ok: true, value: parsed.data }
  return { ok: false, ...adviceIn(parsed.error.issues[0]?.message ?? '') }
}
