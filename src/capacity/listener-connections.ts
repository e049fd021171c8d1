/**
 * The bounds of both listeners' connections, kept to the configuration that counts, and told to operators: figures for
 * the metrics, and a line in the log for whoever is not served, sampled.
 */
import { randomUUID } from 'node:crypto'
import { capacityOf, shortage } from './capacity.ts'
import type { ToolSettings } from '../config/settings.ts'
import { Connections, REFUSED_CAUSES } from '../listen/connections.ts'
import type { RefusedCause } from '../listen/connections.ts'
import type { ConnectionFigures, Listener } from '../observe/connections.ts'
import type { Log } from '../observe/log.ts'
import { Sampled } from '../observe/sampled.ts'
import { lastRefusal } from '../reply/last-answer.ts'
import { DEFAULT_RETRY_AFTER_MS } from '../reply/refuse.ts'
import type { Clock } from '../time/clock.ts'

export interface ListenerConnectionsParts {
  readonly clock: Clock
  /** Luck: 0 <= n < 1. */
  readonly random: () => number
  readonly log: Log
  /** Files that this process may have open; Infinity where there is no limit. */
  readonly openFiles: number
}

/** Milliseconds between two lines about the same listener and cause. */
const SAMPLE_MS = 1000
/** Milliseconds over which callers without a place are spread. */
const SPREAD_MS = 5000

/** A caller who was not served. `holder`: undefined where nobody knows yet what it wanted. */
interface Refused {
  readonly listener: Listener
  readonly cause: RefusedCause
  readonly holder: string | undefined
}

export class ListenerConnections {
  readonly proxy: Connections
  readonly admin: Connections
  readonly #parts: ListenerConnectionsParts
  /** Keyed by listener and cause: a closed set. */
  readonly #refused = new Map<string, number>()
  readonly #sampled: Sampled<Refused>

  constructor(parts: ListenerConnectionsParts) {
    this.#parts = parts
    this.#sampled = new Sampled({
      clock: parts.clock,
      everyMs: SAMPLE_MS,
      write: (refused: Refused, leftOut) => this.#tell(refused, leftOut),
    })
    this.proxy = this.#connections('proxy')
    this.admin = this.#connections('admin')
  }

  /** Tells the log where the configuration asks for more than there is. */
  allot(tools: readonly ToolSettings[]): void {
    const { openFiles, log } = this.#parts
    const capacity = capacityOf(openFiles, tools)
    this.proxy.bound(capacity.proxy)
    this.admin.bound(capacity.admin)
    const short = shortage(openFiles, tools)
    if (short !== undefined) log('warn', { capacity: 'short', msg: `${short.what}; ${short.remedy}` })
  }

  figures(): ConnectionFigures {
    return {
      open: (['proxy', 'admin'] as const).map((listener) => ({ listener, ...this[listener].counts })),
      refused: (['proxy', 'admin'] as const).flatMap((listener) =>
        REFUSED_CAUSES.map((cause) => ({
          listener,
          cause,
          count: this.#refused.get(`${listener} ${cause}`) ?? 0,
        })),
      ),
    }
  }

  /** Writes what was left out of the log so far, and stops the timers. */
  close(): void {
    this.#sampled.close()
  }

  #connections(listener: Listener): Connections {
    return new Connections({
      nowMs: this.#parts.clock.nowMs,
      refused: (cause, holder) => this.#count({ listener, cause, holder }),
      answer: () => overloaded(this.#parts.random()),
      makeRoomElsewhere: () => listener === 'admin' && this.proxy.makeRoom(),
    })
  }

  #count(refused: Refused): void {
    const key = `${refused.listener} ${refused.cause}`
    this.#refused.set(key, (this.#refused.get(key) ?? 0) + 1)
    this.#sampled.take(key, refused)
  }

  #tell({ listener, cause, holder }: Refused, leftOut: number): void {
    const { open, idle } = this[listener].counts
    this.#parts.log('warn', {
      tool: holder,
      connections: 'refused',
      listener,
      cause,
      open,
      idle,
      open_files: Number.isFinite(this.#parts.openFiles) ? this.#parts.openFiles : undefined,
      left_out: leftOut === 0 ? undefined : leftOut,
    })
  }
}

/** Nobody knows when there is room again: the callers are only spread. `luck`: 0 <= n < 1. */
function overloaded(luck: number): string {
  const retryAfterMs = Math.round(DEFAULT_RETRY_AFTER_MS + luck * SPREAD_MS)
  return lastRefusal({ reason: 'PROXY_OVERLOADED', requestId: randomUUID(), retryAfterMs })
}
