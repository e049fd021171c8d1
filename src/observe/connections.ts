/**
 * The metrics of connections, which belong to the process and to no tool. They are read when the page is asked for.
 */
import { Counter, Gauge } from '@prometheus-io/client'
import type { Registry } from '@prometheus-io/client'

export type Listener = 'proxy' | 'admin'

export interface ConnectionFigures {
  readonly open: readonly { readonly listener: Listener; readonly open: number; readonly idle: number }[]
  /** Only grows. Causes are a closed set. */
  readonly refused: readonly {
    readonly listener: Listener
    readonly cause: string
    readonly count: number
  }[]
}

export function showConnections(registry: Registry, figures: () => ConnectionFigures): void {
  new Gauge({
    name: 'spillway_connections',
    help: 'Connections that are open.',
    labelNames: ['listener', 'state'],
    registers: [registry],
    collect() {
      for (const { listener, open, idle } of figures().open) {
        this.set({ listener, state: 'idle' }, idle)
        this.set({ listener, state: 'busy' }, open - idle)
      }
    },
  })
  new Counter({
    name: 'spillway_connections_refused_total',
    help: 'Callers who were not served for want of connections or files.',
    labelNames: ['listener', 'cause'],
    registers: [registry],
    collect() {
      this.reset()
      for (const { listener, cause, count } of figures().refused) this.inc({ listener, cause }, count)
    },
  })
}
