/**
 * Plans a reload before anything is changed: which tools are added, removed and changed, by which keys, and which keys
 * need a restart. It compares whole settings; the rows of keys/ say which key made a setting that differs. Pure.
 * Must not know how a change is applied.
 */
import { isDeepStrictEqual } from 'node:util'
import { PROCESS_SETTINGS, TOOL_SETTINGS } from './keys/list.ts'
import type { SettingOwner } from './keys/list.ts'
import type { Settings, ToolSettings } from './settings.ts'

export interface ToolChange {
  readonly tool: string
  /** The keys that differ, as the operator writes them: `ttlSeconds`, `controller.decreaseBy`. */
  readonly keys: readonly string[]
  readonly next: ToolSettings
}

export interface ReloadPlan {
  readonly added: readonly ToolSettings[]
  readonly removed: readonly string[]
  readonly changed: readonly ToolChange[]
  readonly unchanged: readonly string[]
  /** Keys of the process that differ and keep their running value until a restart. */
  readonly needsRestart: readonly string[]
  /** Keys of the process that differ and count at once. */
  readonly takesEffect: readonly string[]
  /** What counts after the reload: the wanted settings, but the running value of each key that needs a restart. */
  readonly settings: Settings
}

type Owners = ReadonlyMap<string, SettingOwner>

export function planReload(running: Settings, wanted: Settings): ReloadPlan {
  const before = new Map(running.tools.map((tool) => [tool.tool, tool]))
  const after = new Set(wanted.tools.map(({ tool }) => tool))
  const kept = wanted.tools.flatMap((next) => {
    const old = before.get(next.tool)
    return old === undefined ? [] : [{ tool: next.tool, keys: changedKeys(old, next, TOOL_SETTINGS), next }]
  })
  const ofProcess = changedKeys({ ...running, tools: [] }, { ...wanted, tools: [] }, PROCESS_SETTINGS)
  return {
    added: wanted.tools.filter(({ tool }) => !before.has(tool)),
    removed: running.tools.map(({ tool }) => tool).filter((tool) => !after.has(tool)),
    changed: kept.filter(({ keys }) => keys.length > 0),
    unchanged: kept.filter(({ keys }) => keys.length === 0).map(({ tool }) => tool),
    needsRestart: ofProcess.filter((key) => RESTART.names.has(key)),
    takesEffect: ofProcess.filter((key) => !RESTART.names.has(key)),
    settings: { ...wanted, ...settingsThatStay(running) },
  }
}

const RESTART = {
  names: new Set(restartOwners().map(([, { name }]) => name)),
  settings: new Set(restartOwners().map(([at]) => at)),
}

function restartOwners() {
  return [...PROCESS_SETTINGS].filter(([, { reload }]) => reload === 'restart')
}

function settingsThatStay(running: Settings): Partial<Settings> {
  return Object.fromEntries(Object.entries(running).filter(([at]) => RESTART.settings.has(at)))
}

/** In the order of the rows. */
function changedKeys(old: object, next: object, owners: Owners): readonly string[] {
  const places = new Set(differingPlaces(old, next, owners))
  const known = [...owners].filter(([at]) => places.has(at)).map(([, owner]) => owner)
  // Under another algorithm all figures differ: the algorithm alone says it.
  const isOtherLaw = known.some(({ name }) => name === 'controller.algorithm')
  const unknown = [...places].filter((at) => !owners.has(at))
  return [
    ...known.filter(({ under }) => under === undefined || !isOtherLaw).map(({ name }) => name),
    ...unknown,
  ]
}

/** The places of the settings that differ: the places that rows name, and the place itself where no row does. */
function differingPlaces(old: unknown, next: unknown, owners: Owners, at = ''): readonly string[] {
  if (isDeepStrictEqual(old, next)) return []
  if (owners.has(at) || !isMap(old) || !isMap(next)) return [at]
  const steps = new Set([...Object.keys(old), ...Object.keys(next)])
  return [...steps].flatMap((step) =>
    differingPlaces(old[step], next[step], owners, at === '' ? step : `${at}.${step}`),
  )
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
