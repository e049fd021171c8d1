/**
 * Settings out of a file that nothing is wrong with: layers merged, seconds made milliseconds, everything frozen.
 * Must not know how problems are found; given what was refused, it would build nonsense.
 */
import type { ControllerSettings } from '../lane/settings.ts'
import type { RateSettings } from '../lane/token-bucket.ts'
import { FLEET_DEFAULTS, MCP_DEFAULTS } from './defaults.ts'
import { mergeLane } from './layers.ts'
import { canonicalRule, impliedRule } from './match.ts'
import type { WrittenFile, WrittenTool } from './schema.ts'
import type { FleetSettings, McpSettings, Settings, ToolSettings } from './settings.ts'
import type { ProcessSettings } from './process-settings.ts'
import { parseUpstream } from './upstream.ts'

type MergedLane = ReturnType<typeof mergeLane>

export function buildSettings(file: WrittenFile, own: ProcessSettings): Settings {
  return frozen({
    listen: own.listen.value,
    admin: own.admin.value,
    drainMs: toMs(own.drainSeconds.value),
    fleet: file.fleet && fleetOf(file.fleet),
    tools: Object.entries(file.tools).map(([tool, written]) => toolOf(tool, written, file)),
  })
}

function fleetOf({ store, ...written }: NonNullable<WrittenFile['fleet']>): FleetSettings {
  const { name, leaseTtlSeconds, onStoreLoss } = FLEET_DEFAULTS
  return {
    store,
    name: written.name ?? name.value,
    leaseTtlMs: toMs(written.leaseTtlSeconds ?? leaseTtlSeconds.value),
    onStoreLoss: written.onStoreLoss ?? onStoreLoss.value,
  }
}

function toolOf(tool: string, written: WrittenTool, { tools, defaults = {} }: WrittenFile): ToolSettings {
  const lane = mergeLane(defaults, written)
  const { mcp } = written
  const server = mcp?.server === undefined ? undefined : tools[mcp.server]
  // A lane of an MCP server reaches it the way the server's own lane does, over connections of its own.
  const { stripPath, keepHost, connectTimeoutSeconds } =
    server === undefined ? lane : mergeLane(defaults, server)
  const upstream = parseUpstream((server ?? written).upstream ?? '')
  if (!upstream.ok) throw new Error(`the upstream of ${tool} was refused and yet used`)
  return {
    tool,
    upstream: upstream.value,
    match: server === undefined ? matchOf(tool, written) : [],
    stripPath,
    keepHost,
    connectTimeoutMs: toMs(connectTimeoutSeconds),
    maxBodyBytes: lane.maxBodyBytes,
    onClientGone: lane.onClientGone,
    fallbackTools: lane.fallbackTools,
    retries: { max: lane.retries.max, on: lane.retries.on },
    agentHeader: lane.fairness === 'none' ? undefined : lane.fairness.by.toLowerCase(),
    mcp: mcp && mcpOf(mcp),
    lane: {
      tool,
      maxQueueDepth: lane.maxQueueDepth,
      minConcurrent: lane.minConcurrent,
      startConcurrent: lane.startConcurrent,
      maxConcurrent: lane.maxConcurrent,
      ttlMs: toMs(lane.ttlSeconds),
      leaseMs: toMs(lane.leaseSeconds),
      priority: lane.priority,
      retryAfter: { minMs: toMs(lane.retryAfter.minSeconds), maxMs: toMs(lane.retryAfter.maxSeconds) },
      controller: controllerOf(lane.controller),
      rate: lane.rate === undefined || lane.rate === 'none' ? undefined : rateOf(lane.rate),
      retryBudgetRatio: lane.retries.budgetRatio,
    },
  }
}

/** Share of the calls of a whole period that may start at once: who uses the burst is over the rate by no more. */
const BURST_RATIO = 0.1

function rateOf({ calls, perSeconds, burst }: Exclude<MergedLane['rate'], 'none' | undefined>): RateSettings {
  return { calls, perMs: toMs(perSeconds), burst: burst ?? Math.ceil(calls * BURST_RATIO) }
}

function matchOf(tool: string, { match }: WrittenTool): ToolSettings['match'] {
  return match?.flatMap((rule) => canonicalRule(rule) ?? []) ?? [impliedRule(tool)]
}

function mcpOf({ server, tools = [], ...written }: NonNullable<WrittenTool['mcp']>): McpSettings {
  const overload = written.overload ?? MCP_DEFAULTS.overload.value
  return server === undefined
    ? { role: 'server', overload }
    : { role: 'lane', server, globs: tools, overload }
}

function controllerOf(controller: MergedLane['controller']): ControllerSettings {
  switch (controller.algorithm) {
    case 'adaptive':
    case 'gradient':
    case 'fixed':
      return { algorithm: controller.algorithm }
    case 'aimd': {
      const { windowSeconds, ...figures } = controller
      return { ...figures, algorithm: 'aimd', windowMs: toMs(windowSeconds) }
    }
    default:
      return controller.algorithm satisfies never
  }
}

function toMs(seconds: number): number {
  return Math.round(seconds * 1000)
}

/** Copies as it freezes: two tools may share an alias, and built-in values belong to nobody. */
function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return Object.freeze(value.map((each: unknown) => frozen(each))) as T
  const entries = Object.entries(value).map(([key, each]: [string, unknown]) => [key, frozen(each)])
  return Object.freeze(Object.fromEntries(entries)) as T
}
