/**
 * The Prometheus page. Histograms are fed by events; gauges and counters are read from the lanes and the totals when
 * the page is asked for, so that a request costs three observations and no more. Label values come from closed sets.
 */
import { Counter, Gauge, Histogram, Registry } from '@prometheus-io/client'
import type { Lane } from '../lane/lane.ts'
import type { Counts, Totals } from './totals.ts'
import { showConnections } from './connections.ts'
import type { ConnectionFigures } from './connections.ts'
import { OUTCOMES, RETRY_RESULTS } from '../lane/reason.ts'
import type { FleetMode, ToolEvent } from './events.ts'

/** Seconds: from a cache hit to a long agent tool. */
const DURATION_BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120]

export interface MetricsParts {
  readonly totals: Totals
  readonly lanes: () => Iterable<Lane>
  readonly nowMs: () => number
  readonly connections: () => ConnectionFigures
  /** Undefined for a lane on its own. */
  readonly fleet: (tool: string) => FleetGauges | undefined
}

/** What a lane has of its fleet. */
export interface FleetGauges {
  readonly mode: FleetMode
  readonly held: number
  readonly sidecars: number | undefined
  readonly lagMs: number
}

export class Metrics {
  readonly #registry = new Registry()
  readonly #parts: MetricsParts
  readonly #queueWait: Histogram<string>
  readonly #duration: Histogram<string>
  readonly #firstByte: Histogram<string>
  readonly #storeTime: Histogram<string>

  constructor(parts: MetricsParts) {
    this.#parts = parts
    this.#queueWait = this.#histogram('queue_wait_seconds', 'Time from admission to lease.', [
      'tool',
      'priority',
    ])
    this.#duration = this.#histogram(
      'upstream_duration_seconds',
      "Time from lease to the end of the tool's answer.",
    )
    this.#firstByte = this.#histogram(
      'upstream_first_byte_seconds',
      "Time from lease to the tool's response head.",
    )
    this.#storeTime = this.#histogram('fleet_store_seconds', "Round trips to the fleet's store.")
    showConnections(this.#registry, parts.connections)
    this.#gauges()
    this.#fleetGauges()
    this.#counters()
    this.#upstreamCounters()
    this.#fleetCounters()
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  page(): Promise<string> {
    return this.#registry.metrics()
  }

  readonly observe = (tool: string, event: ToolEvent): void => {
    if (event.kind === 'started')
      this.#queueWait.observe({ tool, priority: event.priority }, event.waitedMs / 1000)
    else if (event.kind === 'fleet_reported') this.#storeTime.observe({ tool }, event.tookMs / 1000)
    else if (event.kind === 'answered') this.#firstByte.observe({ tool }, event.firstByteMs / 1000)
    else if (event.kind === 'finished' && event.durationMs !== undefined) {
      this.#duration.observe({ tool }, event.durationMs / 1000)
    }
  }

  #gauges(): void {
    const { nowMs } = this.#parts
    this.#gauge('queue_depth', 'Tickets that wait.', (lane) => lane.depths().queueDepth)
    this.#gauge('queue_depth_limit', 'Tickets that may wait.', (lane) => lane.settings.maxQueueDepth)
    this.#gauge('active_leases', 'Calls that run.', (lane) => lane.depths().active)
    this.#gauge('concurrency_limit', 'Calls that may run now.', (lane) => lane.depths().limit)
    this.#gauge('oldest_ticket_age_seconds', 'Age of the oldest ticket that waits.', (lane) => {
      return lane.snapshot(nowMs()).oldestWaitMs / 1000
    })
    this.#gauge(
      'upstream_p95_seconds',
      '95th percentile of the last 10 to 20 s; absent without calls.',
      (lane) => {
        const { p95Ms } = lane.snapshot(nowMs())
        return p95Ms === undefined ? undefined : p95Ms / 1000
      },
    )
    this.#gauge('error_ratio', 'Share of the calls of the last 10 to 20 s that the tool dropped.', (lane) => {
      return lane.snapshot(nowMs()).errorRate
    })
    this.#gauge('shed_low_priority', '1 while low-priority calls are refused.', (lane) => {
      return lane.snapshot(nowMs()).shedsLowPriority ? 1 : 0
    })
    this.#gauge('lane_throttled', '1 while the tool itself asks callers to wait.', (lane) => {
      return lane.snapshot(nowMs()).throttledUntilMs === undefined ? 0 : 1
    })
    this.#gauge('lane_paused', '1 while an operator paused the lane.', (lane) => {
      return lane.snapshot(nowMs()).paused ? 1 : 0
    })
  }

  /** Nothing at all without a fleet. */
  #fleetGauges(): void {
    const { fleet } = this.#parts
    const of = (lane: Lane) => fleet(lane.settings.tool)
    this.#gauge('fleet_store_up', "1 while the fleet's store answers.", (lane) => {
      const mode = of(lane)?.mode
      return mode && (mode === 'up' || mode === 'learning' ? 1 : 0)
    })
    this.#gauge('fleet_slots', 'Slots of the fleet that this sidecar holds.', (lane) => of(lane)?.held)
    this.#gauge('fleet_sidecars', 'Sidecars that share the tool.', (lane) => of(lane)?.sidecars)
    this.#gauge('fleet_renewal_lag_seconds', 'How late the last late renewal was.', (lane) => {
      const lagMs = of(lane)?.lagMs
      return lagMs === undefined ? undefined : lagMs / 1000
    })
  }

  #counters(): void {
    const { totals } = this.#parts
    this.#counter(
      'requests_total',
      'Requests by how they ended for the caller.',
      ['outcome'],
      (tool, add) => {
        for (const outcome of OUTCOMES) add({ outcome }, totals.of(tool).outcomes[outcome] ?? 0)
      },
    )
    this.#counter('refused_total', "Spillway's own answers.", ['reason', 'priority'], (tool, add) => {
      each(totals.of(tool).refusedByClass, (key, count) => {
        const [reason = '', priority = ''] = key.split(' ')
        add({ reason, priority }, count)
      })
    })
    this.#counter(
      'controller_actions_total',
      'What the controller decided.',
      ['action', 'reason'],
      (tool, add) => {
        each(totals.of(tool).actions, (key, count) => {
          const [action = '', reason = ''] = key.split(' ')
          add({ action, reason }, count)
        })
      },
    )
    this.#counter('leases_reclaimed_total', 'Leases taken back.', ['cause'], (tool, add) => {
      add({ cause: 'silent' }, totals.of(tool).reclaimed)
    })
    this.#counter(
      'leases_ended_twice_total',
      'Second ends of a lease: always 0 but for a bug.',
      [],
      (tool, add) => {
        add({}, totals.of(tool).endedTwice)
      },
    )
    this.#counter(
      'internal_errors_total',
      'Errors inside Spillway, each of which ended one call: always 0 but for a bug.',
      [],
      (tool, add) => add({}, totals.of(tool).internalErrors),
    )
    this.#counter('mcp_messages_total', 'Messages to MCP servers.', ['method'], (tool, add) => {
      each(totals.of(tool).mcpMessages, (method, count) => add({ method }, count))
    })
    this.#counter('upstream_responses_total', "The tool's answers.", ['code_class'], (tool, add) => {
      each(totals.of(tool).codeClasses, (codeClass, count) => add({ code_class: codeClass }, count))
    })
  }

  /** What was tried beyond the first try, and what went wrong on the way. */
  #upstreamCounters(): void {
    const { totals } = this.#parts
    this.#counter(
      'retries_total',
      "Spillway's own retries, by what became of them.",
      ['result'],
      (tool, add) => {
        for (const result of RETRY_RESULTS) add({ result }, totals.of(tool).retries[result] ?? 0)
      },
    )
    this.#counter(
      'upstream_reconnects_total',
      'Calls that went out again, since the tool had closed the idle connection.',
      [],
      (tool, add) => {
        add({}, totals.of(tool).reconnects)
      },
    )
    this.#counter(
      'upstream_failures_total',
      'Calls that the way to the tool failed.',
      ['cause'],
      (tool, add) => {
        each(totals.of(tool).faults, (cause, count) => add({ cause }, count))
      },
    )
  }

  #fleetCounters(): void {
    const { totals } = this.#parts
    this.#counter(
      'fleet_overshoot_total',
      'Calls that ran on though their slots were lost.',
      [],
      (tool, add) => {
        add({}, totals.of(tool).fleetOvershoot)
      },
    )
    this.#counter(
      'fleet_store_operations_total',
      "Round trips to the fleet's store.",
      ['result'],
      (tool, add) => {
        for (const result of ['ok', 'failed'] as const)
          add({ result }, totals.of(tool).fleetReports[result] ?? 0)
      },
    )
  }

  #histogram(name: string, help: string, labelNames = ['tool']): Histogram<string> {
    return new Histogram<string>({
      name: `spillway_${name}`,
      help,
      labelNames,
      buckets: DURATION_BUCKETS_S,
      registers: [this.#registry],
    })
  }

  #gauge(name: string, help: string, read: (lane: Lane) => number | undefined): void {
    const { lanes } = this.#parts
    new Gauge({
      name: `spillway_${name}`,
      help,
      labelNames: ['tool'],
      registers: [this.#registry],
      collect() {
        this.reset()
        for (const lane of lanes()) {
          const value = read(lane)
          if (value !== undefined) this.set({ tool: lane.settings.tool }, value)
        }
      },
    })
  }

  #counter(
    name: string,
    help: string,
    labelNames: string[],
    read: (tool: string, add: (labels: Record<string, string>, count: number) => void) => void,
  ): void {
    const { totals, lanes } = this.#parts
    new Counter({
      name: `spillway_${name}`,
      help,
      labelNames: ['tool', ...labelNames],
      registers: [this.#registry],
      collect() {
        // Totals only grow, so that writing them anew keeps the metric a counter.
        this.reset()
        for (const tool of toolsOf(lanes(), totals))
          read(tool, (labels, count) => this.inc({ tool, ...labels }, count))
      },
    })
  }
}

/** Every configured tool, so that its counters start at 0, and every other that something happened to. */
function toolsOf(lanes: Iterable<Lane>, totals: Totals): Set<string> {
  const tools = new Set(totals.tools())
  for (const lane of lanes) tools.add(lane.settings.tool)
  return tools
}

function each(counts: Counts<string>, visit: (key: string, count: number) => void): void {
  for (const [key, count] of Object.entries(counts)) visit(key, count ?? 0)
}
