/**
 * The schema of a map, out of the rows of its keys; each key's description, unit and default go along for editors.
 * A key that is not in the rows is refused. Must not know any key.
 */
import type * as z from 'zod'
import { map } from '../fields.ts'
import type { Key, Part, Section } from './row.ts'

type Rows = Readonly<Record<string, Key | Section | Part>>

type Needed<Map extends Rows> = { [Name in keyof Map]: Map[Name]['field']['schema'] }
type Optional<Map extends Rows> = {
  [Name in keyof Map]: z.ZodExactOptional<Map[Name]['field']['schema']>
}

/** A map of which every key may be left out. */
export function mapOf<Keys extends Rows>(expected: { what: string; example: string }, keys: Keys) {
  return map(expected, optional(keys))
}

/** A map that has to have the keys of `needed`. */
export function mapWith<Keys extends Rows, More extends Rows>(
  expected: { what: string; example: string },
  needed: Keys,
  keys: More,
) {
  const schemas = Object.entries(needed).map(([name, row]) => [name, described(row)])
  return map(expected, { ...(Object.fromEntries(schemas) as Needed<Keys>), ...optional(keys) })
}

function optional<Keys extends Rows>(keys: Keys): Optional<Keys> {
  const schemas = Object.entries(keys).map(([name, row]) => [name, described(row).exactOptional()])
  return Object.fromEntries(schemas) as Optional<Keys>
}

function described(row: Key | Section | Part): z.ZodType {
  const meta = { description: row.says }
  if (!('default' in row)) return row.field.schema.meta(meta)
  return row.field.schema.meta({
    ...meta,
    ...(row.unit !== undefined && { unit: row.unit }),
    ...(row.default.kind === 'given' && { default: row.default.value }),
  })
}
