/**
 * Makes settings out of a file in which nothing is wrong. For each row of keys/ it finds the value that counts, makes
 * the setting and puts it in its place; then it freezes everything. Must not know how problems are found: out of a
 * refused file it would make wrong settings.
 */
import { PROCESS_ROWS, TOOL_ROWS } from './keys/list.ts'
import type { ListedKey } from './keys/list.ts'
import type { About } from './keys/row.ts'
import { effective } from './layers.ts'
import { valueAt } from './paths.ts'
import type { ProcessSettings } from './process-settings.ts'
import type { WrittenFile } from './schema.ts'
import type { Settings, ToolSettings } from './settings.ts'

export function buildSettings(file: WrittenFile, own: ProcessSettings): Settings {
  const rows = PROCESS_ROWS.filter(({ path }) => path[0] !== 'fleet' || file.fleet !== undefined)
  const settings = settingsOf(rows, {
    valueOf: ({ name, path, key }) =>
      own.written.get(name) ??
      valueAt(file, path) ??
      (key.default.kind === 'given' ? key.default.value : undefined),
    about: { tool: '', isMcpLane: false },
  })
  const tools = Object.keys(file.tools).map((tool) => toolOf(file, tool))
  // For the compiler: the rows make every other setting. test/config/keys.test.ts checks that.
  return frozen({ fleet: undefined, ...settings, tools } as unknown as Settings)
}

function toolOf(file: WrittenFile, tool: string): ToolSettings {
  const server = file.tools[tool]?.mcp?.server
  const algorithm = effective(file, tool, ['controller', 'algorithm'])?.value
  const rows = TOOL_ROWS.filter(({ key }) => key.under === undefined || key.under === algorithm)
  const settings = settingsOf(rows, {
    valueOf: (row) => valueOf(file, row.key.isOfServer === true ? (server ?? tool) : tool, row),
    about: { tool, isMcpLane: server !== undefined },
  })
  // For the compiler, as above. `tool` has no row: it is the name under which the tool stands in the file.
  const { lane, ...others } = settings as { lane: object }
  return { tool, ...others, lane: { tool, ...lane } } as unknown as ToolSettings
}

function valueOf(file: WrittenFile, tool: string, { path, key }: ListedKey): unknown {
  const found = effective(file, tool, path)?.value
  if (found !== undefined || key.default.kind !== 'same as') return found
  return effective(file, tool, [key.default.key])?.value
}

interface Source {
  readonly valueOf: (row: ListedKey) => unknown
  readonly about: About
}

function settingsOf(rows: readonly ListedKey[], { valueOf, about }: Source): object {
  const settings = {}
  for (const row of rows) {
    // The schema has accepted the value, or it is the row's own default.
    const setting = row.key.make(valueOf(row) as never, about)
    put(settings, row.key.at.map(String), setting)
  }
  return settings
}

/** Puts a value at a place and makes the missing maps on the way there. */
function put(target: object, [step = '', ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) {
    Object.assign(target, { [step]: value })
    return
  }
  const inner: unknown = Reflect.get(target, step) ?? {}
  Object.assign(target, { [step]: inner })
  put(inner as object, rest, value)
}

/** A frozen copy. Two tools may share one alias in the file, and all tools share the built-in values. */
function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return Object.freeze(value.map((each: unknown) => frozen(each))) as T
  const entries = Object.entries(value).map(([key, each]: [string, unknown]) => [key, frozen(each)])
  return Object.freeze(Object.fromEntries(entries)) as T
}
