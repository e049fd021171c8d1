/**
 * The Prometheus page. Events feed the histograms; the rows of metric-rows.ts are read when the page is asked for, so that
 * a request costs three observations and no more.
 */
import { Counter, Gauge, Histogram, Registry } from '@prometheus-io/client'
import type { Lane } from '../lane/lane.ts'
import { showConnections } from './connections.ts'
import type { ConnectionFigures } from './connections.ts'
import type { ToolEvent } from './events.ts'
import { COUNTERS, GAUGES } from './metric-rows.ts'
import type { CounterRow, FleetGauges, GaugeRow } from './metric-rows.ts'
import type { Totals } from './totals.ts'

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

export class Metrics {
  readonly #registry = new Registry()
  readonly #parts: MetricsParts
  readonly #queueWait = this.#histogram('queue_wait_seconds', 'Time from admission to lease.', 'priority')
  readonly #duration = this.#histogram(
    'upstream_duration_seconds',
    "Time from lease to the end of the tool's answer.",
  )
  readonly #firstByte = this.#histogram(
    'upstream_first_byte_seconds',
    "Time from lease to the tool's response head.",
  )
  readonly #storeTime = this.#histogram('fleet_store_seconds', "Round trips to the fleet's store.")

  constructor(parts: MetricsParts) {
    this.#parts = parts
    showConnections(this.#registry, parts.connections)
    for (const row of GAUGES) this.#gauge(row)
    for (const row of COUNTERS) this.#counter(row)
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

  #histogram(name: string, help: string, ...labels: readonly string[]): Histogram<string> {
    return new Histogram<string>({
      name: `spillway_${name}`,
      help,
      labelNames: ['tool', ...labels],
      buckets: DURATION_BUCKETS_S,
      registers: [this.#registry],
    })
  }

  #gauge({ name, help, read }: GaugeRow): void {
    const { lanes, nowMs, fleet } = this.#parts
    new Gauge({
      name: `spillway_${name}`,
      help,
      labelNames: ['tool'],
      registers: [this.#registry],
      collect() {
        this.reset()
        for (const lane of lanes()) {
          const { tool } = lane.settings
          const value = read({ lane, nowMs: nowMs(), fleet: fleet(tool) })
          if (value !== undefined) this.set({ tool }, value)
        }
      },
    })
  }

  #counter({ name, help, labels, read }: CounterRow): void {
    const { totals, lanes } = this.#parts
    new Counter({
      name: `spillway_${name}`,
      help,
      labelNames: ['tool', ...labels],
      registers: [this.#registry],
      collect() {
        // Totals only grow, so that writing them anew keeps the metric a counter.
        this.reset()
        for (const tool of toolsOf(lanes(), totals)) {
          for (const [values, count] of read(totals.of(tool)))
            this.inc(
              { tool, ...Object.fromEntries(labels.map((label, i) => [label, values[i] ?? ''])) },
              count,
            )
        }
      },
    })
  }
}

/** Every configured tool, so that its counters start at 0, and every other tool that had an event. */
function toolsOf(lanes: Iterable<Lane>, totals: Totals): Set<string> {
  const tools = new Set(totals.tools())
  for (const lane of lanes) tools.add(lane.settings.tool)
  return tools
}
