/**
 * What a reload would do, decided before anything is touched: which tools come, go, change (and in what), and what only
 * a restart can change. Pure. Must not know how a change is applied.
 */
import { isDeepStrictEqual } from 'node:util'
import type { ControllerSettings } from '../lane/settings.ts'
import type { Settings, ToolSettings } from './settings.ts'

export interface ToolChange {
  readonly tool: string
  /** The settings that differ, as the operator writes them: `ttlSeconds`, `controller.decreaseBy`. */
  readonly keys: readonly string[]
  readonly next: ToolSettings
}

export interface ReloadPlan {
  readonly added: readonly ToolSettings[]
  readonly removed: readonly string[]
  readonly changed: readonly ToolChange[]
  readonly unchanged: readonly string[]
  /** Settings of the process that differ and stay as they are until a restart. */
  readonly needsRestart: readonly string[]
  /** Settings of the process that differ and count from now on. */
  readonly takesEffect: readonly string[]
}

type Written = Readonly<Record<string, unknown>>

export function planReload(running: Settings, wanted: Settings): ReloadPlan {
  const before = new Map(running.tools.map((tool) => [tool.tool, tool]))
  const after = new Set(wanted.tools.map(({ tool }) => tool))
  const kept = wanted.tools.flatMap((next) => {
    const old = before.get(next.tool)
    return old === undefined ? [] : [{ tool: next.tool, keys: changedKeys(old, next), next }]
  })
  return {
    added: wanted.tools.filter(({ tool }) => !before.has(tool)),
    removed: running.tools.map(({ tool }) => tool).filter((tool) => !after.has(tool)),
    changed: kept.filter(({ keys }) => keys.length > 0),
    unchanged: kept.filter(({ keys }) => keys.length === 0).map(({ tool }) => tool),
    needsRestart: (['listen', 'admin', 'fleet'] as const).filter(
      (key) => !isDeepStrictEqual(running[key], wanted[key]),
    ),
    takesEffect: running.drainMs === wanted.drainMs ? [] : ['drainSeconds'],
  }
}

function changedKeys(old: ToolSettings, next: ToolSettings): readonly string[] {
  // Under another algorithm every figure differs, which says nothing.
  if (old.lane.controller.algorithm !== next.lane.controller.algorithm) {
    return [...differing(asWritten(old), asWritten(next)), 'controller.algorithm']
  }
  return [
    ...differing(asWritten(old), asWritten(next)),
    ...differing(controllerAsWritten(old.lane.controller), controllerAsWritten(next.lane.controller)),
  ]
}

function differing(a: Written, b: Written): readonly string[] {
  return Object.keys(a).filter((key) => !isDeepStrictEqual(a[key], b[key]))
}

/** Keyed by the operator's names; the values only have to be comparable. */
function asWritten({ upstream, match, lane, ...tool }: ToolSettings): Written {
  return {
    upstream,
    match,
    stripPath: tool.stripPath,
    keepHost: tool.keepHost,
    maxQueueDepth: lane.maxQueueDepth,
    maxConcurrent: lane.maxConcurrent,
    startConcurrent: lane.startConcurrent,
    minConcurrent: lane.minConcurrent,
    ttlSeconds: lane.ttlMs,
    leaseSeconds: lane.leaseMs,
    connectTimeoutSeconds: tool.connectTimeoutMs,
    maxBodyBytes: tool.maxBodyBytes,
    onClientGone: tool.onClientGone,
    fallbackTools: tool.fallbackTools,
    fairness: tool.agentHeader,
    mcp: tool.mcp,
    'priority.max': lane.priority.max,
    'priority.default': lane.priority.default,
    'retries.max': tool.retries.max,
    'retries.on': tool.retries.on,
    'retries.budgetRatio': lane.retryBudgetRatio,
    rate: lane.rate,
    'retryAfter.minSeconds': lane.retryAfter.minMs,
    'retryAfter.maxSeconds': lane.retryAfter.maxMs,
  }
}

function controllerAsWritten(controller: ControllerSettings): Written {
  if (controller.algorithm !== 'aimd') return {}
  return {
    'controller.decreaseAboveP95Ms': controller.decreaseAboveP95Ms,
    'controller.increaseBelowP95Ms': controller.increaseBelowP95Ms,
    'controller.halveAboveErrorRate': controller.halveAboveErrorRate,
    'controller.increaseBelowErrorRate': controller.increaseBelowErrorRate,
    'controller.decreaseBy': controller.decreaseBy,
    'controller.increaseBy': controller.increaseBy,
    'controller.windowSeconds': controller.windowMs,
  }
}
