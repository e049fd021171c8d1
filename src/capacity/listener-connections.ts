/**
 * The connections of both listeners: keeps their bounds to the configuration in force, counts the callers that are not
 * served for the metrics, and logs them, sampled.
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
  /** A random number, 0 <= n < 1. */
  readonly random: () => number
  readonly log: Log
  /** Files that this process may have open; Infinity if there is no limit. */
  readonly openFiles: number
}

/** Milliseconds between two log lines about the same listener and cause. */
const LOG_EVERY_MS = 1000
/** Milliseconds over which the Retry-After of refused callers is spread. */
const SPREAD_MS = 5000

/** A caller that was not served. `holder`: undefined if its request had not been read. */
interface RefusedCaller {
  readonly listener: Listener
  readonly cause: RefusedCause
  readonly holder: string | undefined
}

export class ListenerConnections {
  readonly proxy: Connections
  readonly admin: Connections
  readonly #parts: ListenerConnectionsParts
  /** By listener and cause, which are closed sets. */
  readonly #refused = new Map<string, number>()
  readonly #sampled: Sampled<RefusedCaller>

  constructor(parts: ListenerConnectionsParts) {
    this.#parts = parts
    this.#sampled = new Sampled({
      clock: parts.clock,
      everyMs: LOG_EVERY_MS,
      write: (refused: RefusedCaller, leftOut) => this.#tell(refused, leftOut),
    })
    this.proxy = this.#connections('proxy')
    this.admin = this.#connections('admin')
  }

  /** Sets the bounds for these tools. Logs a warning if they ask for more than the process can hold. */
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

  /** Writes the log lines that are due, and stops the timers. */
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

  #count(refused: RefusedCaller): void {
    const key = `${refused.listener} ${refused.cause}`
    this.#refused.set(key, (this.#refused.get(key) ?? 0) + 1)
    this.#sampled.take(key, refused)
  }

  #tell({ listener, cause, holder }: RefusedCaller, leftOut: number): void {
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

/** When there will be room is unknown, so Retry-After only spreads the callers. `random`: 0 <= n < 1. */
function overloaded(random: number): string {
  const retryAfterMs = Math.round(DEFAULT_RETRY_AFTER_MS + random * SPREAD_MS)
  return lastRefusal({ reason: 'PROXY_OVERLOADED', requestId: randomUUID(), retryAfterMs })
}
