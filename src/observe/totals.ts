/**
 * What operators see of a lane: running totals, added up from events, beside the lane's own state now. The one place
 * that counts; metrics.ts reads the same totals. Pure but for the totals it keeps.
 */
import type { Lane } from '../lane/lane.ts'
import type { Action, ActionReason, Decision, Figures } from '../lane/limit/limiter.ts'
import type { Priority } from '../lane/priority.ts'
import type { Fault, FaultCause, Outcome, Reason, RetryResult } from '../lane/reason.ts'
import type { ToolEvent } from './events.ts'

/** Counts by a closed set of names. */
export type Counts<K extends string> = Partial<Record<K, number>>

export interface Totals {
  /** Let in: granted at once, or queued. */
  admitted: number
  /** Leases by how they ended. */
  completed: number
  failed: number
  reclaimed: number
  /** Callers who left, waiting or running. */
  cancelled: number
  endedTwice: number
  /** Errors of ours that ended one call each. */
  internalErrors: number
  readonly refused: Counts<Reason>
  /** `reason priority` -> count. */
  readonly refusedByClass: Counts<`${Reason} ${Priority}`>
  readonly outcomes: Counts<Outcome>
  readonly retries: Counts<RetryResult>
  /** `action reason` -> count. */
  readonly actions: Counts<`${Action} ${ActionReason}`>
  readonly codeClasses: Counts<string>
  /** Calls that went out again over a fresh connection. */
  reconnects: number
  /** Calls that the way to the tool failed, by why. */
  readonly faults: Counts<FaultCause>
  /** The last of them. */
  lastFault: { readonly fault: Fault; readonly atMs: number } | undefined
  /** MCP method -> messages. */
  readonly mcpMessages: Counts<string>
  /** Calls that ran on though their slots were lost. */
  fleetOvershoot: number
  /** Round trips to the fleet's store. */
  readonly fleetReports: Counts<'ok' | 'failed'>
}

const newTotals = (): Totals => ({
  admitted: 0,
  completed: 0,
  failed: 0,
  reclaimed: 0,
  cancelled: 0,
  endedTwice: 0,
  internalErrors: 0,
  refused: {},
  refusedByClass: {},
  outcomes: {},
  retries: {},
  actions: {},
  codeClasses: {},
  reconnects: 0,
  faults: {},
  lastFault: undefined,
  mcpMessages: {},
  fleetOvershoot: 0,
  fleetReports: {},
})

/** Wall and monotonic time at the same moment, to turn one into the other. */
export interface Moment {
  readonly nowMs: number
  readonly wallMs: number
}

/** What is shown with a lane, and absent where it has none of it. */
export interface Beside {
  /** What an operator set for an MCP lane. */
  readonly mcp?: object | undefined
  /** How it stands with its fleet. */
  readonly fleet?: object | undefined
}

export class Board {
  readonly #totals = new Map<string, Totals>()

  /** The totals of a tool since the start; zeros for one that nothing happened to. */
  totals(tool: string): Totals {
    let totals = this.#totals.get(tool)
    if (totals === undefined) {
      totals = newTotals()
      this.#totals.set(tool, totals)
    }
    return totals
  }

  /** Every tool that something happened to. The keys are configured names and NO_TOOL, so this is bounded. */
  tools(): IterableIterator<string> {
    return this.#totals.keys()
  }

  readonly count = (tool: string, event: ToolEvent): void => {
    const totals = this.totals(tool)
    switch (event.kind) {
      case 'admitted':
        totals.admitted++
        break
      case 'ended':
        totals[event.cause]++
        break
      case 'left':
        totals.cancelled++
        break
      case 'ended_twice':
        totals.endedTwice++
        break
      case 'internal_error':
        totals.internalErrors++
        break
      case 'replied':
        add(totals.refused, event.reason)
        add(totals.refusedByClass, `${event.reason} ${event.priority}`)
        break
      case 'answered':
        add(totals.codeClasses, codeClass(event.status))
        break
      case 'reconnected':
        totals.reconnects++
        break
      case 'tool_failed':
        add(totals.faults, event.fault.cause)
        totals.lastFault = event
        break
      case 'finished':
        add(totals.outcomes, event.outcome)
        break
      case 'mcp':
        add(totals.mcpMessages, event.method)
        break
      case 'retried':
        add(totals.retries, event.result)
        break
      case 'decided':
        add(totals.actions, `${event.decision.action} ${event.decision.reason}`)
        break
      case 'fleet_overshoot':
        totals.fleetOvershoot += event.calls
        break
      case 'fleet_reported':
        add(totals.fleetReports, event.isOk ? 'ok' : 'failed')
        break
      case 'fleet_mode':
      case 'started':
      case 'operated':
      case 'shedding':
      case 'throttled':
        break
      default:
        event satisfies never
    }
  }

  /** A lane in JSON, with the contract's words (section 6). `more`: what is not the lane's own. */
  show(lane: Lane, moment: Moment, more: Beside = {}) {
    const now = lane.snapshot(moment.nowMs)
    const { settings } = lane
    const totals = this.totals(settings.tool)
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
      ...(more.mcp && { mcp: { ...more.mcp, messages: mcpMessages } }),
      ...(more.fleet && { fleet: more.fleet }),
    }
  }
}

/** The last failure of the way to the tool, in JSON. */
function showFault({ fault, atMs }: NonNullable<Totals['lastFault']>, moment: Moment) {
  const { phase, cause, code } = fault
  const unreached: Reason = cause === 'local' ? 'PROXY_OVERLOADED' : 'UPSTREAM_UNREACHABLE'
  const reason: Reason = phase === 'connect' ? unreached : 'UPSTREAM_FAILED'
  return { reason, phase, cause, code: code ?? null, at: wallTime(atMs, moment) }
}

/** `1xx` to `5xx`, or `other`. */
function codeClass(status: number): string {
  return status >= 600 ? 'other' : `${Math.floor(status / 100)}xx`
}

function add<K extends string>(counts: Counts<K>, key: K): void {
  counts[key] = (counts[key] ?? 0) + 1
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
