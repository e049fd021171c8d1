/**
 * Running totals of each tool, added up from events. The only file that counts: the metrics page and the lane in JSON read
 * the same totals.
 */
import type { Action, ActionReason } from '../lane/limit/limiter.ts'
import type { Priority } from '../lane/priority.ts'
import type { Fault, FaultCause, Outcome, Reason, RetryResult } from '../lane/reason.ts'
import type { ToolEvent } from './events.ts'

/** Counts by a closed set of names. */
export type Counts<K extends string> = Partial<Record<K, number>>

export interface ToolTotals {
  /** Let in: granted at once, or queued. */
  admitted: number
  /** Leases by how they ended. */
  completed: number
  failed: number
  reclaimed: number
  /** Callers who left, waiting or running. */
  cancelled: number
  endedTwice: number
  /** Errors of Spillway's own that ended one call each. */
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

const newTotals = (): ToolTotals => ({
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

export class Totals {
  readonly #totals = new Map<string, ToolTotals>()

  /** Since the start; zeros for a tool without events. */
  of(tool: string): ToolTotals {
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
    const totals = this.of(tool)
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
}

/** `1xx` to `5xx`, or `other`. */
function codeClass(status: number): string {
  return status >= 600 ? 'other' : `${Math.floor(status / 100)}xx`
}

function add<K extends string>(counts: Counts<K>, key: K): void {
  counts[key] = (counts[key] ?? 0) + 1
}
