/**
 * The metrics that are read when the page is asked for, one row each: gauges from a lane, counters from a tool's totals.
 * Label values come from closed sets. Pure.
 */
import type { Lane } from '../lane/lane.ts'
import { OUTCOMES, RETRY_RESULTS } from '../lane/reason.ts'
import type { FleetMode } from './events.ts'
import type { Counts, ToolTotals } from './totals.ts'

/** A lane's part in its fleet, as the gauges need it. */
export interface FleetGauges {
  readonly mode: FleetMode
  readonly held: number
  readonly sidecars: number | undefined
  readonly lagMs: number
}

/** What a gauge is read from. */
export interface Seen {
  readonly lane: Lane
  readonly nowMs: number
  /** Undefined for a lane on its own. */
  readonly fleet: FleetGauges | undefined
}

export interface GaugeRow {
  /** Without the prefix. */
  readonly name: string
  readonly help: string
  /** Undefined: the lane has no such figure now, and no line on the page. */
  readonly read: (seen: Seen) => number | undefined
}

export const GAUGES: readonly GaugeRow[] = [
  { name: 'queue_depth', help: 'Tickets that wait.', read: ({ lane }) => lane.depths().queueDepth },
  {
    name: 'queue_depth_limit',
    help: 'Tickets that may wait.',
    read: ({ lane }) => lane.settings.maxQueueDepth,
  },
  { name: 'active_leases', help: 'Calls that run.', read: ({ lane }) => lane.depths().active },
  { name: 'concurrency_limit', help: 'Calls that may run now.', read: ({ lane }) => lane.depths().limit },
  {
    name: 'oldest_ticket_age_seconds',
    help: 'Age of the oldest ticket that waits.',
    read: ({ lane, nowMs }) => seconds(lane.snapshot(nowMs).oldestWaitMs),
  },
  {
    name: 'upstream_p95_seconds',
    help: '95th percentile of the last 10 to 20 s; absent without calls.',
    read: ({ lane, nowMs }) => seconds(lane.snapshot(nowMs).p95Ms),
  },
  {
    name: 'error_ratio',
    help: 'Share of the calls of the last 10 to 20 s that the tool dropped.',
    read: ({ lane, nowMs }) => lane.snapshot(nowMs).errorRate,
  },
  {
    name: 'shed_low_priority',
    help: '1 while low-priority calls are refused.',
    read: ({ lane, nowMs }) => flag(lane.snapshot(nowMs).shedsLowPriority),
  },
  {
    name: 'lane_throttled',
    help: '1 while the tool itself asks callers to wait.',
    read: ({ lane, nowMs }) => flag(lane.snapshot(nowMs).throttledUntilMs !== undefined),
  },
  {
    name: 'lane_paused',
    help: '1 while an operator paused the lane.',
    read: ({ lane, nowMs }) => flag(lane.snapshot(nowMs).paused),
  },
  {
    name: 'fleet_store_up',
    help: "1 while the fleet's store answers.",
    read: ({ fleet }) => fleet && flag(fleet.mode === 'up' || fleet.mode === 'learning'),
  },
  {
    name: 'fleet_slots',
    help: 'Slots of the fleet that this sidecar holds.',
    read: ({ fleet }) => fleet?.held,
  },
  { name: 'fleet_sidecars', help: 'Sidecars that share the tool.', read: ({ fleet }) => fleet?.sidecars },
  {
    name: 'fleet_renewal_lag_seconds',
    help: 'How late the last late renewal was.',
    read: ({ fleet }) => seconds(fleet?.lagMs),
  },
]

/** The values of a counter's labels, in their order, and its count. */
type Count = readonly [values: readonly string[], count: number]

export interface CounterRow {
  readonly name: string
  readonly help: string
  /** Besides `tool`. */
  readonly labels: readonly string[]
  readonly read: (totals: ToolTotals) => readonly Count[]
}

export const COUNTERS: readonly CounterRow[] = [
  {
    name: 'requests_total',
    help: 'Requests by how they ended for the caller.',
    labels: ['outcome'],
    read: ({ outcomes }) => each(OUTCOMES, outcomes),
  },
  {
    name: 'refused_total',
    help: "Spillway's own answers.",
    labels: ['reason', 'priority'],
    read: ({ refusedByClass }) => seen(refusedByClass),
  },
  {
    name: 'controller_actions_total',
    help: 'What the controller decided.',
    labels: ['action', 'reason'],
    read: ({ actions }) => seen(actions),
  },
  {
    name: 'leases_reclaimed_total',
    help: 'Leases taken back.',
    labels: ['cause'],
    read: ({ reclaimed }) => [[['silent'], reclaimed]],
  },
  {
    name: 'leases_ended_twice_total',
    help: 'Second ends of a lease: always 0 but for a bug.',
    labels: [],
    read: ({ endedTwice }) => [[[], endedTwice]],
  },
  {
    name: 'internal_errors_total',
    help: 'Errors inside Spillway, each of which ended one call: always 0 but for a bug.',
    labels: [],
    read: ({ internalErrors }) => [[[], internalErrors]],
  },
  {
    name: 'mcp_messages_total',
    help: 'Messages to MCP servers.',
    labels: ['method'],
    read: ({ mcpMessages }) => seen(mcpMessages),
  },
  {
    name: 'upstream_responses_total',
    help: "The tool's answers.",
    labels: ['code_class'],
    read: ({ codeClasses }) => seen(codeClasses),
  },
  {
    name: 'retries_total',
    help: "Spillway's own retries, by what became of them.",
    labels: ['result'],
    read: ({ retries }) => each(RETRY_RESULTS, retries),
  },
  {
    name: 'upstream_reconnects_total',
    help: 'Calls that went out again, since the tool had closed the idle connection.',
    labels: [],
    read: ({ reconnects }) => [[[], reconnects]],
  },
  {
    name: 'upstream_failures_total',
    help: 'Calls that the way to the tool failed.',
    labels: ['cause'],
    read: ({ faults }) => seen(faults),
  },
  {
    name: 'fleet_overshoot_total',
    help: 'Calls that ran on though their slots were lost.',
    labels: [],
    read: ({ fleetOvershoot }) => [[[], fleetOvershoot]],
  },
  {
    name: 'fleet_store_operations_total',
    help: "Round trips to the fleet's store.",
    labels: ['result'],
    read: ({ fleetReports }) => each(['ok', 'failed'], fleetReports),
  },
]

/** One count for each name of a small set, so that it starts at 0. */
function each<K extends string>(names: readonly K[], counts: Counts<K>): readonly Count[] {
  return names.map((name) => [[name], counts[name] ?? 0])
}

/** One count for each key that was seen. A key is the values of the labels with a blank between them. */
function seen(counts: Counts<string>): readonly Count[] {
  return Object.entries(counts).map(([key, count]) => [key.split(' '), count ?? 0])
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000
}

function flag(isOn: boolean): number {
  return isOn ? 1 : 0
}
