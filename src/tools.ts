/**
 * The configured tools at work: each with its gate, its connections and its place in the router. Applies a planned
 * reload without touching what did not change. Nothing is shared between two tools but the router's table.
 */
import type { Pool } from 'undici'
import type { ReloadPlan } from './config/reload.ts'
import type { ToolSettings } from './config/settings.ts'
import { Gate } from './gate/gate.ts'
import type { GateParts } from './gate/gate.ts'
import type { ToolEvent } from './observe/events.ts'
import { Router } from './route/match.ts'
import { openPool } from './upstream/pool.ts'

export interface Tool {
  readonly tool: string
  readonly match: ToolSettings['match']
  readonly stripPath: boolean
  readonly settings: ToolSettings
  readonly gate: Gate
  readonly pool: Pool
}

export interface ToolsParts extends Omit<GateParts, 'tell'> {
  readonly emit: (tool: string, event: ToolEvent) => void
}

export class Tools {
  readonly #parts: ToolsParts
  readonly #tools = new Map<string, Tool>()
  #router: Router<Tool>

  constructor(settings: readonly ToolSettings[], parts: ToolsParts) {
    this.#parts = parts
    for (const tool of settings) this.#tools.set(tool.tool, this.#open(tool))
    this.#router = new Router(this.#tools.values())
  }

  get router(): Router<Tool> {
    return this.#router
  }

  get(tool: string): Tool | undefined {
    return this.#tools.get(tool)
  }

  all(): IterableIterator<Tool> {
    return this.#tools.values()
  }

  /** A removed tool gets no new work; what it has runs to its end. */
  apply(plan: ReloadPlan): void {
    for (const name of plan.removed) {
      const tool = this.#tools.get(name)
      this.#tools.delete(name)
      if (tool !== undefined) retire(tool.pool)
    }
    for (const { tool: name, next } of plan.changed) {
      const before = this.#tools.get(name)
      if (before !== undefined) this.#tools.set(name, this.#change(before, next))
    }
    for (const next of plan.added) this.#tools.set(next.tool, this.#open(next))
    this.#router = new Router(this.#tools.values())
  }

  /** Cuts all connections and timers. */
  async close(): Promise<void> {
    for (const { gate } of this.all()) gate.close()
    await Promise.all([...this.all()].map(({ pool }) => pool.destroy()))
  }

  #open(settings: ToolSettings): Tool {
    const { emit, clock, random } = this.#parts
    const gate = new Gate(settings.lane, { clock, random, tell: (event) => emit(settings.tool, event) })
    return toolOf(settings, gate, openPool({ ...settings.upstream, connectTimeoutMs: settings.connectTimeoutMs }))
  }

  #change(before: Tool, next: ToolSettings): Tool {
    before.gate.reconfigure(next.lane)
    const isSameUpstream =
      before.settings.upstream.origin === next.upstream.origin &&
      before.settings.connectTimeoutMs === next.connectTimeoutMs
    if (isSameUpstream) return toolOf(next, before.gate, before.pool)
    retire(before.pool)
    return toolOf(next, before.gate, openPool({ ...next.upstream, connectTimeoutMs: next.connectTimeoutMs }))
  }
}

function toolOf(settings: ToolSettings, gate: Gate, pool: Pool): Tool {
  const { tool, match, stripPath } = settings
  return { tool, match, stripPath, settings, gate, pool }
}

/** Lets running calls end. Failing to close leaves sockets to their idle timeout, which harms nobody. */
function retire(pool: Pool): void {
  pool.close().catch(() => undefined)
}
