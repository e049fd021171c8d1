/**
 * The bounds of both listeners' connections, kept to the configuration that counts, and told to operators: figures for
 * the metrics, and a line in the log for whoever is not served, sampled.
 */
import { randomUUID } from 'node:crypto'
import { capacityOf, shortage } from './capacity.ts'
import type { ToolSettings } from './config/settings.ts'
import { Connections, REFUSED_CAUSES } from './listen/connections.ts'
import type { RefusedCause } from './listen/connections.ts'
import type { ConnectionFigures, Listener } from './observe/connections.ts'
import type { Log } from './observe/log.ts'
import { bytesOf } from './reply/bytes.ts'
import { DEFAULT_RETRY_AFTER_MS, refuse } from './reply/refuse.ts'
import type { Clock } from './time/clock.ts'

export interface ConnectionBoundsParts {
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

/** The callers not served since the last line. */
interface Sampled {
  leftOut: number
  last: string | undefined
}

export class ConnectionBounds {
  readonly proxy: Connections
  readonly admin: Connections
  readonly #parts: ConnectionBoundsParts
  /** Keyed by listener and cause: a closed set. */
  readonly #refused = new Map<string, number>()
  readonly #sampled = new Map<string, Sampled>()

  constructor(parts: ConnectionBoundsParts) {
    this.#parts = parts
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

  #connections(listener: Listener): Connections {
    return new Connections({
      nowMs: this.#parts.clock.nowMs,
      refused: (cause, holder) => this.#count(listener, cause, holder),
      answer: () => overloaded(this.#parts.random()),
      makeRoomElsewhere: () => listener === 'admin' && this.proxy.makeRoom(),
    })
  }

  #count(listener: Listener, cause: RefusedCause, holder: string | undefined): void {
    const key = `${listener} ${cause}`
    this.#refused.set(key, (this.#refused.get(key) ?? 0) + 1)
    const sampled = this.#sampled.get(key)
    if (sampled === undefined) {
      this.#tell(listener, cause, { leftOut: 0, last: holder })
      this.#sampled.set(key, { leftOut: 0, last: undefined })
      this.#tellLater(listener, cause)
    } else {
      sampled.leftOut++
      sampled.last = holder
    }
  }

  #tellLater(listener: Listener, cause: RefusedCause): void {
    this.#parts.clock.after(SAMPLE_MS, () => {
      const key = `${listener} ${cause}`
      const sampled = this.#sampled.get(key)
      if (sampled === undefined || sampled.leftOut === 0) {
        this.#sampled.delete(key)
        return
      }
      this.#tell(listener, cause, sampled)
      this.#sampled.set(key, { leftOut: 0, last: undefined })
      this.#tellLater(listener, cause)
    })
  }

  #tell(listener: Listener, cause: RefusedCause, { leftOut, last }: Sampled): void {
    const { open, idle } = this[listener].counts
    this.#parts.log('warn', {
      tool: last,
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
  const reason = 'PROXY_OVERLOADED'
  const retryAfterMs = Math.round(DEFAULT_RETRY_AFTER_MS + luck * SPREAD_MS)
  return bytesOf(reason, refuse({ reason, requestId: randomUUID(), retryAfterMs }))
}
