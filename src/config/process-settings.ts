/**
 * The settings of the process itself, flag over environment over file over built-in, each with where it came from.
 * A value that is overruled must still be a good one: it would surprise on the day it counts. Must not know tools.
 */
import { parseAddress } from './address.ts'
import { SIDECAR_DEFAULTS } from './defaults.ts'
import { adviceIn } from './fields.ts'
import type { Complaint, Parsed, Where } from './problems.ts'
import { drainSchema } from './schema.ts'
import type { Remains } from './schema.ts'
import type { Address } from './settings.ts'

export type Environment = Readonly<Record<string, string | undefined>>

export interface Flags {
  readonly listen?: string | undefined
  readonly admin?: string | undefined
  readonly drainSeconds?: string | undefined
}

export interface Sourced<T> {
  readonly value: T
  /** Undefined for a built-in value. */
  readonly where: Where | undefined
}

export interface ProcessSettings {
  readonly listen: Sourced<Address>
  readonly admin: Sourced<Address>
  readonly drainSeconds: Sourced<number>
  readonly complaints: readonly Complaint[]
  /** Whether every address that was given is a good one, so that the two may be compared. */
  readonly areAddressesGood: boolean
}

interface Written {
  readonly where: Where | undefined
  readonly text: string | number | undefined
}

export function readProcessSettings(file: Remains, env: Environment, flags: Flags): ProcessSettings {
  const complaints: Complaint[] = []
  const listen = [
    named('--listen', flags.listen),
    named('SPILLWAY_LISTEN', env['SPILLWAY_LISTEN']),
    inFile('listen', file.listen),
    { where: undefined, text: SIDECAR_DEFAULTS.listen.value },
  ]
  const admin = [
    named('--admin', flags.admin),
    named('SPILLWAY_ADMIN', env['SPILLWAY_ADMIN']),
    inFile('admin', file.admin),
    { where: undefined, text: SIDECAR_DEFAULTS.admin.value },
  ]
  const drainSeconds = [
    named('--drain-seconds', flags.drainSeconds),
    inFile('drainSeconds', file.drainSeconds),
    { where: undefined, text: SIDECAR_DEFAULTS.drainSeconds.value },
  ]
  const addresses = {
    listen: first(listen, parseAddress, complaints),
    admin: first(admin, parseAddress, complaints),
  }
  const areAddressesGood = complaints.length === 0
  return {
    ...addresses,
    areAddressesGood,
    drainSeconds: first(drainSeconds, parseSeconds, complaints),
    complaints,
  }
}

/** The first good value; `complaints` gets what is wrong with any of them. The last, built in, is always good. */
function first<T>(
  candidates: readonly Written[],
  parse: (text: string | number) => Parsed<T>,
  complaints: Complaint[],
): Sourced<T> {
  let found: Sourced<T> | undefined
  for (const { where, text } of candidates) {
    if (text === undefined) continue
    const parsed = parse(text)
    if (parsed.ok) found ??= { value: parsed.value, where }
    else if (where !== undefined) complaints.push({ where, what: parsed.what, remedy: parsed.remedy })
  }
  if (found === undefined) throw new Error('a built-in setting of the process is not a good one')
  return found
}

function named(name: string, text: string | undefined): Written {
  return { where: { kind: 'named', name }, text }
}

function inFile(key: string, text: string | number | undefined): Written {
  return { where: { kind: 'value', path: [key] }, text }
}

function parseSeconds(text: string | number): Parsed<number> {
  const isNumber = typeof text === 'number' || /^\d+(\.\d+)?$/.test(text)
  const parsed = drainSchema.safeParse(isNumber ? Number(text) : text)
  if (parsed.success) return { ok: true, value: parsed.data }
  return { ok: false, ...adviceIn(parsed.error.issues[0]?.message ?? '') }
}
