/**
 * What one row says about one configuration key, and the functions that write rows. Everything else that needs to know
 * the keys reads the rows: the schema, the layers, the settings, a reload's plan, docs/configuration.md, the JSON
 * Schema. A key is added as one row in a file of this folder and one field of the settings (../settings.ts or
 * ../../lane/settings.ts). Must not know any key.
 */
import type * as z from 'zod'
import type { Field } from '../fields.ts'
import type { Path } from '../paths.ts'
import type { Settings, ToolSettings } from '../settings.ts'

/** From when a changed value counts after a reload; the sentences are those of docs/configuration.md. */
export const RELOAD_EFFECTS = {
  'at once': 'counts from the reload on, also for calls that wait or run',
  'starting calls': 'counts for each call that starts after the reload, also for one that waited during it',
  'new calls': 'counts for each call that arrives after the reload',
  'new connections': 'counts for each connection to the tool that is opened after the reload',
  'new lane': 'counts when the lane is made: at the start, or when a reload adds the tool',
  restart: 'counts after a restart; the reload reports the key under `needs_restart`',
} as const

export type ReloadEffect = keyof typeof RELOAD_EFFECTS

/** What counts where nobody wrote the key. `Value` is the type of that value. */
export type Default<Value> =
  | { readonly kind: 'given'; readonly value: Value; readonly reason: string }
  /** The value of another key of the same tool. */
  | { readonly kind: 'same as'; readonly key: string; readonly reason: string }
  /** The setting is made from `undefined`; `shown` stands in the table. */
  | { readonly kind: 'none'; readonly shown: string }
  /** The key has to be written. */
  | { readonly kind: 'needed' }

export function given<const Value>(value: Value, reason: string): Default<Value> {
  return { kind: 'given', value, reason }
}

export function sameAs(key: string, reason: string): Default<never> {
  return { kind: 'same as', key, reason }
}

export function none(shown = ''): Default<undefined> {
  return { kind: 'none', shown }
}

export const NEEDED: Default<never> = { kind: 'needed' }

/** What every row says. */
interface Described<Schema extends z.ZodType, Fallback> {
  /** Type, bounds and example. */
  readonly field: Field<Schema>
  readonly default: Default<Fallback>
  readonly unit?: string
  /** What the key decides, in sentences: for the table and for editors. */
  readonly says: string
}

/** A key inside a value that is one setting as a whole, such as `rate.calls`. */
export type Part<Schema extends z.ZodType = z.ZodType> = Described<Schema, unknown>

export function part<Schema extends z.ZodType>(row: Part<Schema>): Part<Schema> {
  return row
}

/** Of which tool a setting is made. */
export interface About {
  readonly tool: string
  /** A lane of another tool's MCP server. */
  readonly isMcpLane: boolean
}

/**
 * The place of a setting, with the function that makes it out of what was written: `{ lane: { ttlMs: toMs } }`.
 * The compiler checks that the place exists and that the function returns its type.
 */
type Into<Target, Written> = {
  readonly [Field in keyof Target]?:
    | ((written: Written, about: About) => Target[Field])
    | (Target[Field] extends object | undefined ? Into<NonNullable<Target[Field]>, Written> : never)
}

/** What rows may say beside that. */
interface Options {
  readonly reload: ReloadEffect
  /** The flag and the environment variable that win over the file. */
  readonly flag?: string
  readonly variable?: string
  /** The default in a tool with `mcp`. */
  readonly withMcp?: Default<unknown>
  /** A lane of an MCP server has the value of that server and may not write its own. */
  readonly isOfServer?: true
  /** The key means something under this `controller.algorithm` only, and implies it where no algorithm is written. */
  readonly under?: 'aimd'
  /** The keys inside the value. */
  readonly parts?: Readonly<Record<string, Part>>
}

interface Row<Schema extends z.ZodType, Fallback, Target> extends Described<Schema, Fallback>, Options {
  readonly setting: Into<Target, z.infer<Schema> | Fallback>
}

/** A row as the rest of the room reads it. */
export interface Key<Schema extends z.ZodType = z.ZodType> extends Described<Schema, unknown>, Options {
  readonly kind: 'key'
  /** The place of the setting: `['lane', 'ttlMs']`. */
  readonly at: Path
  /** Only for values that the row's schema has accepted, and for its default. */
  readonly make: (written: never, about: About) => unknown
}

/** A map whose keys are settings of their own, each with its own default, such as `controller`. */
export interface Section<Schema extends z.ZodType = z.ZodType> {
  readonly kind: 'section'
  readonly field: Field<Schema>
  readonly says: string
  readonly keys: Readonly<Record<string, Key>>
  /** Where the section is not written, there is no setting, and its keys have no defaults. A reload names it as a whole. */
  readonly whole?: { readonly at: Path; readonly reload: ReloadEffect }
}

/** A key of a tool. */
export function toolKey<Schema extends z.ZodType, Fallback>(
  row: Row<Schema, Fallback, ToolSettings>,
): Key<Schema> {
  return { kind: 'key', ...row, ...placeOf(row.setting) }
}

/** A key of the process. */
export function processKey<Schema extends z.ZodType, Fallback>(
  row: Row<Schema, Fallback, Settings>,
): Key<Schema> {
  return { kind: 'key', ...row, ...placeOf(row.setting) }
}

export function section<Schema extends z.ZodType>(row: Omit<Section<Schema>, 'kind'>): Section<Schema> {
  return { kind: 'section', ...row }
}

/** Follows the nesting of a row's `setting` down to the function. */
function placeOf(setting: object): Pick<Key, 'at' | 'make'> {
  const at: string[] = []
  let inner: unknown = setting
  while (typeof inner === 'object' && inner !== null) {
    const [step] = Object.entries(inner) as [string, unknown][]
    if (step === undefined) break
    at.push(step[0])
    inner = step[1]
  }
  return { at, make: inner as Key['make'] }
}
