/**
 * How the settings of a lane lie on top of each other: built-in under `defaults` under the tool, key by key, also inside
 * `controller`, `priority`, `retryAfter` and `retries`; and from which layer an effective value comes. Must not know what is a good value.
 */
import {
  CONTROLLER_DEFAULTS,
  LANE_DEFAULTS,
  MCP_LANE_DEFAULTS,
  PRIORITY_DEFAULTS,
  RETRIES_DEFAULTS,
  RETRY_AFTER_DEFAULTS,
} from './defaults.ts'
import type { Default } from './defaults.ts'
import { valueAt } from './paths.ts'
import type { Path } from './paths.ts'
import type { Remains, WrittenLane, WrittenTool } from './schema.ts'

type Values<T extends Readonly<Record<string, Default<unknown>>>> = { readonly [K in keyof T]: T[K]['value'] }

export const BUILT_IN_LANE = {
  ...valuesOf(LANE_DEFAULTS),
  controller: valuesOf(CONTROLLER_DEFAULTS),
  priority: valuesOf(PRIORITY_DEFAULTS),
  retryAfter: valuesOf(RETRY_AFTER_DEFAULTS),
  retries: valuesOf(RETRIES_DEFAULTS),
} as const

const BUILT_IN_MCP = valuesOf(MCP_LANE_DEFAULTS)

export interface Effective {
  readonly value: unknown
  /** Where it was written; undefined for a built-in value. */
  readonly path: Path | undefined
  /** 0 for the tool's own, 1 for `defaults`, 2 for built in. */
  readonly depth: number
}

/** One lane, complete. `startConcurrent` is where `maxConcurrent` is unless it was written. */
export function mergeLane(defaults: WrittenLane, tool: WrittenTool) {
  const builtIn = tool.mcp === undefined ? BUILT_IN_LANE : { ...BUILT_IN_LANE, ...BUILT_IN_MCP }
  const lane = { ...builtIn, ...defaults, ...tool }
  return {
    ...lane,
    startConcurrent: lane.startConcurrent ?? lane.maxConcurrent,
    controller: {
      ...BUILT_IN_LANE.controller,
      algorithm: impliedAlgorithm(defaults.controller, tool.controller),
      ...defaults.controller,
      ...tool.controller,
    },
    priority: { ...BUILT_IN_LANE.priority, ...defaults.priority, ...tool.priority },
    retryAfter: { ...BUILT_IN_LANE.retryAfter, ...defaults.retryAfter, ...tool.retryAfter },
    retries: { ...BUILT_IN_LANE.retries, ...defaults.retries, ...tool.retries },
  }
}

/** The value that counts for a tool at a lane key such as `['controller', 'decreaseBy']`. */
export function effective(written: Remains, tool: string, key: Path): Effective | undefined {
  const layers = [
    { source: written, path: ['tools', tool, ...key] },
    { source: written, path: ['defaults', ...key] },
  ]
  for (const [depth, { source, path }] of layers.entries()) {
    const value = valueAt(source, path)
    if (value !== undefined) return { value, path, depth }
  }
  const value = isAlgorithm(key) ? algorithmOf(written, tool) : valueAt(BUILT_IN_LANE, key)
  return value === undefined ? undefined : { value, path: undefined, depth: layers.length }
}

/** Whoever writes figures without an algorithm means the one that has figures. */
function impliedAlgorithm(...written: readonly (object | undefined)[]): 'adaptive' | 'aimd' {
  const hasFigures = written.some((controller) =>
    Object.keys(controller ?? {}).some((key) => key !== 'algorithm'),
  )
  return hasFigures ? 'aimd' : BUILT_IN_LANE.controller.algorithm
}

function isAlgorithm(key: Path): boolean {
  return key[0] === 'controller' && key[1] === 'algorithm'
}

function algorithmOf(written: Remains, tool: string): 'adaptive' | 'aimd' {
  const controllers = [
    ['tools', tool, 'controller'],
    ['defaults', 'controller'],
  ].map((path) => valueAt(written, path))
  return impliedAlgorithm(
    ...controllers.map((each) => (typeof each === 'object' && each !== null ? each : undefined)),
  )
}

function valuesOf<T extends Readonly<Record<string, Default<unknown>>>>(defaults: T): Values<T> {
  const entries = Object.entries(defaults).map(([key, { value }]) => [key, value])
  return Object.fromEntries(entries) as Values<T>
}
