/**
 * A lane, and a decision of its controller, in JSON: the words of GET /lanes and of GET /events. Pure.
 */
import type { Lane } from '../lane/lane.ts'
import type { Decision, Figures } from '../lane/limit/limiter.ts'
import { reasonOfFault } from '../lane/reason.ts'
import type { FleetMode } from './events.ts'
import type { ToolTotals } from './totals.ts'

/** Wall and monotonic time at the same moment, to turn one into the other. */
export interface Moment {
  readonly nowMs: number
  readonly wallMs: number
}

/** What is shown with a lane, and absent where it has none of it. */
export interface LaneSurroundings {
  /** What an operator set for an MCP lane. */
  readonly mcp?: object | undefined
  readonly fleet?: FleetShare | undefined
}

/** The lane's part in its fleet. */
export interface FleetShare {
  readonly mode: FleetMode
  /** Slots that this sidecar holds. */
  readonly held: number
  /** Slots that the lane may use now. */
  readonly ceiling: number
  /** Undefined while the store has not said it. */
  readonly sidecars: number | undefined
  readonly waitingSidecars: number
}

/** The words of the contract, section 6. `beside`: what is not the lane's own. */
export function showLane(lane: Lane, totals: ToolTotals, moment: Moment, beside: LaneSurroundings = {}) {
  const now = lane.snapshot(moment.nowMs)
  const { settings } = lane
  const { admitted, completed, failed, refused, reclaimed, cancelled, mcpMessages } = totals
  return {
    tool: settings.tool,
    queue_depth: now.queueDepth,
    max_queue_depth: settings.maxQueueDepth,
    oldest_wait_ms: Math.round(now.oldestWaitMs),
    active_workers: now.active,
    limit: now.limit,
    min_limit: settings.minConcurrent,
    max_limit: settings.maxConcurrent,
    p95_ms: now.p95Ms === undefined ? null : round(now.p95Ms),
    error_rate: round(now.errorRate),
    shed_low_priority: now.shedsLowPriority,
    paused: now.paused,
    paused_until: wallTime(now.pausedUntilMs, moment),
    pinned: now.pinned,
    pinned_until: wallTime(now.pinnedUntilMs, moment),
    throttled_until: wallTime(now.throttledUntilMs ?? Infinity, moment),
    controller: {
      algorithm: now.algorithm,
      last_action: now.lastDecision?.decision.action ?? null,
      last_reason: now.lastDecision?.decision.reason ?? null,
      at: now.lastDecision === undefined ? null : wallTime(now.lastDecision.atMs, moment),
      figures: now.lastDecision === undefined ? null : showFigures(now.lastDecision.decision.figures),
    },
    estimate_ms: Math.round(now.estimateMs),
    last_error: totals.lastFault === undefined ? null : showFault(totals.lastFault, moment),
    totals: { admitted, completed, failed, refused, reclaimed, cancelled },
    ...(beside.mcp && { mcp: { ...beside.mcp, messages: mcpMessages } }),
    ...(beside.fleet && { fleet: showShare(beside.fleet) }),
  }
}

function showShare({ mode, held, ceiling, sidecars, waitingSidecars }: FleetShare) {
  return { store: mode, held, ceiling, sidecars: sidecars ?? null, waiting_sidecars: waitingSidecars }
}

/** The last failure of the way to the tool, in JSON. */
function showFault({ fault, atMs }: NonNullable<ToolTotals['lastFault']>, moment: Moment) {
  const { phase, cause, code } = fault
  return { reason: reasonOfFault(fault), phase, cause, code: code ?? null, at: wallTime(atMs, moment) }
}

/** Three decimals: enough for milliseconds and shares. */
function round(value: number): number {
  return Math.round(value * 1000) / 1000
}

/** A decision of the controller in JSON. */
export function showDecision({ action, reason, limit, figures: of }: Decision) {
  return { action, reason, limit, ...showFigures(of) }
}

/** What a decision was made on: the figures that its law looks at, the others left out. */
export function showFigures(of: Figures) {
  return {
    calls: of.calls,
    p95_ms: rounded(of.p95Ms),
    mean_ms: rounded(of.meanMs),
    median_ms: rounded(of.medianMs),
    base_ms: rounded(of.baseMs),
    error_rate: round(of.errorRate),
  }
}

function rounded(value: number | undefined): number | undefined {
  return value === undefined ? undefined : round(value)
}

/** Milliseconds: a Date holds 8.64e15; what lies beyond a century is as good as never. */
const LATEST_MS = 100 * 365 * 86_400_000

/** RFC 3339; null for "never". */
function wallTime(atMs: number, moment: Moment): string | null {
  return Math.abs(atMs) <= LATEST_MS ? new Date(moment.wallMs + (atMs - moment.nowMs)).toISOString() : null
}
