/**
 * The rows in lists: every key that becomes a setting, with its path in tools.yaml, and the way back from a setting to
 * the key that made it. Must not know what a good value is.
 */
import type { Path } from '../paths.ts'
import { PROCESS_KEYS } from './process.ts'
import type { Key, ReloadEffect, Section } from './row.ts'
import { TOOL_KEYS } from './tool.ts'

export interface ListedKey {
  /** As an operator writes it: `ttlSeconds`, `controller.decreaseBy`. */
  readonly name: string
  /** From the top level, or from the tool: `['controller', 'decreaseBy']`. */
  readonly path: Path
  readonly key: Key
}

export const PROCESS_ROWS: readonly ListedKey[] = listed(PROCESS_KEYS)
export const TOOL_ROWS: readonly ListedKey[] = listed(TOOL_KEYS)

/** What a reload calls the setting at this place, such as `lane.ttlMs`. */
export interface SettingOwner {
  readonly name: string
  readonly reload: ReloadEffect
  readonly under: string | undefined
}

export const PROCESS_SETTINGS = owners(PROCESS_KEYS)
export const TOOL_SETTINGS = owners(TOOL_KEYS)

function listed(rows: Readonly<Record<string, Key | Section>>): readonly ListedKey[] {
  return Object.entries(rows).flatMap(([name, row]): readonly ListedKey[] => {
    if (row.kind === 'key') return [{ name, path: [name], key: row }]
    return listed(row.keys).map(({ key, path, name: inner }) => ({
      name: `${name}.${inner}`,
      path: [name, ...path],
      key,
    }))
  })
}

/** By place, in the order of the rows. */
function owners(rows: Readonly<Record<string, Key | Section>>): ReadonlyMap<string, SettingOwner> {
  const found = new Map<string, SettingOwner>()
  for (const [name, row] of Object.entries(rows)) {
    if (row.kind === 'section' && row.whole !== undefined) {
      found.set(row.whole.at.join('.'), { name, reload: row.whole.reload, under: undefined })
      continue
    }
    for (const { name: full, key } of listed({ [name]: row })) {
      found.set(key.at.join('.'), { name: full, reload: key.reload, under: key.under })
    }
  }
  return found
}
