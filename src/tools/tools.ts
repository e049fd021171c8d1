/**
 * The configured tools at work: each with its gate, its connections and its place in the router. Applies a planned
 * reload without touching what did not change. Nothing is shared between two tools but the router's table.
 */
import type { ReloadPlan } from '../config/reload.ts'
import type { ToolSettings } from '../config/settings.ts'
import type { Fleet } from '../fleet/fleet.ts'
import { Gate } from '../gate/gate.ts'
import type { ClosedReason } from '../lane/reason.ts'
import type { GateParts } from '../gate/gate.ts'
import { McpTraffic } from './mcp-traffic.ts'
import type { ToolEvent } from '../observe/events.ts'
import { McpLanes } from '../mcp/lanes.ts'
import { Router } from '../route/match.ts'
import type { Clock } from '../time/clock.ts'
import { systemPaths } from '../upstream/name-query.ts'
import { ToolPool } from '../upstream/tool-pool.ts'

/** Stays the same object over reloads, so that what waits in its lane meets the settings and connections of its turn. */
export class Tool {
  readonly gate: Gate
  readonly #parts: Pick<GateParts, 'clock' | 'random' | 'failed'>
  #settings: ToolSettings
  #pool: ToolPool
  #traffic: McpTraffic | undefined

  constructor(settings: ToolSettings, parts: GateParts) {
    this.gate = new Gate(settings.lane, parts)
    // Without `demandMoved`: what goes beside the lane takes no slots of the fleet.
    const { clock, random, failed } = parts
    this.#parts = { clock, random, failed }
    this.#settings = settings
    this.#pool = poolOf(settings, parts.clock)
  }

  /** What an MCP server gets beside calls; opened when it is first needed. */
  get traffic(): McpTraffic {
    this.#traffic ??= new McpTraffic(this.#settings.lane, this.#parts)
    return this.#traffic
  }

  /** Sends away what waits; nothing is granted any more. */
  close(reason: ClosedReason): void {
    this.gate.close(reason)
    this.#traffic?.close(reason)
  }

  get settings(): ToolSettings {
    return this.#settings
  }

  get pool(): ToolPool {
    return this.#pool
  }

  get tool(): string {
    return this.#settings.tool
  }

  get match(): ToolSettings['match'] {
    return this.#settings.match
  }

  get stripPath(): boolean {
    return this.#settings.stripPath
  }

  /** Queue and leases stay; running calls keep the connections they have. */
  change(next: ToolSettings): void {
    const { upstream, connectTimeoutMs } = this.#settings
    this.#settings = next
    if (upstream.origin !== next.upstream.origin || connectTimeoutMs !== next.connectTimeoutMs) {
      retire(this.#pool)
      this.#pool = poolOf(next, this.#parts.clock)
    }
    this.gate.reconfigure(next.lane)
    this.#traffic?.change(next.lane)
  }
}

export interface ToolsParts extends Pick<GateParts, 'clock' | 'random' | 'failed'> {
  readonly emit: (tool: string, event: ToolEvent) => void
  /** Undefined for a sidecar on its own. */
  readonly fleet: Fleet | undefined
}

export class Tools {
  readonly #parts: ToolsParts
  readonly #tools = new Map<string, Tool>()
  /** Removed by a reload, with work that goes to its end. */
  readonly #retiring = new Map<string, Tool>()
  #router: Router<Tool>
  #mcpLanes: McpLanes

  constructor(settings: readonly ToolSettings[], parts: ToolsParts) {
    this.#parts = parts
    for (const tool of settings) this.#tools.set(tool.tool, this.#open(tool))
    this.#router = new Router(this.#tools.values())
    this.#mcpLanes = mcpLanesOf(this.#tools.values())
  }

  get router(): Router<Tool> {
    return this.#router
  }

  get(tool: string): Tool | undefined {
    return this.#tools.get(tool)
  }

  /** The lane that takes calls of this name at an MCP server; the server's own when no other does. */
  mcpLane(server: Tool, name: string): Tool {
    const lane = this.#mcpLanes.laneOf(server.tool, name)
    return lane === server.tool ? server : (this.#tools.get(lane) ?? server)
  }

  all(): IterableIterator<Tool> {
    return this.#tools.values()
  }

  /** A removed tool gets no new work; what it has, running or waiting, goes to its end. */
  apply(plan: ReloadPlan): void {
    for (const name of plan.removed) {
      const tool = this.#tools.get(name)
      this.#tools.delete(name)
      if (tool !== undefined) {
        this.#retiring.set(name, tool)
        this.#closeWhenIdle(tool)
      }
    }
    for (const { tool, next } of plan.changed) this.#change(this.#tools.get(tool), next)
    for (const next of plan.added) this.#tools.set(next.tool, this.#revive(next) ?? this.#open(next))
    this.#router = new Router(this.#tools.values())
    this.#mcpLanes = mcpLanesOf(this.#tools.values())
  }

  /** Sends away what waits; nothing is granted any more. */
  closeGates(): void {
    for (const tool of [...this.all(), ...this.#retiring.values()]) tool.close('DRAINING')
  }

  /** Cuts all connections. After closeGates. */
  async close(): Promise<void> {
    await Promise.all([...this.all(), ...this.#retiring.values()].map(({ pool }) => pool.destroy()))
  }

  #open(settings: ToolSettings): Tool {
    const { emit, clock, random, failed, fleet } = this.#parts
    const { tool: name, lane } = settings
    const tell = (event: ToolEvent): void => emit(name, event)
    const demandMoved = fleet && ((): void => fleet.notice(name))
    const tool = new Tool(settings, { clock, random, failed, tell, demandMoved })
    fleet?.join(name, lane.maxConcurrent, tool.gate)
    return tool
  }

  /** A tool that comes back while its old calls run finds them in its lane: they count against its limit. */
  #revive(next: ToolSettings): Tool | undefined {
    const tool = this.#retiring.get(next.tool)
    this.#retiring.delete(next.tool)
    this.#change(tool, next)
    return tool
  }

  #change(tool: Tool | undefined, next: ToolSettings): void {
    tool?.change(next)
    if (tool !== undefined) this.#parts.fleet?.reconfigure(next.tool, next.lane.maxConcurrent)
  }

  #closeWhenIdle(tool: Tool): void {
    if (this.#retiring.get(tool.tool) !== tool) return
    if (!tool.gate.lane.isIdle()) {
      this.#parts.clock.after(LOOK_EVERY_MS, () => this.#closeWhenIdle(tool))
      return
    }
    this.#retiring.delete(tool.tool)
    this.#parts.fleet?.leave(tool.tool)
    tool.close('NO_ROUTE')
    retire(tool.pool)
  }
}

/** Milliseconds between two looks at whether a removed tool still has work. */
const LOOK_EVERY_MS = 1000

function mcpLanesOf(tools: Iterable<Tool>): McpLanes {
  return new McpLanes(
    [...tools].flatMap(({ tool, settings: { mcp } }) =>
      mcp?.role === 'lane' ? [{ lane: tool, server: mcp.server, globs: mcp.globs }] : [],
    ),
  )
}

function poolOf({ upstream, connectTimeoutMs }: ToolSettings, clock: Clock): ToolPool {
  return new ToolPool({ origin: upstream.origin, connectTimeoutMs, clock, paths: systemPaths() })
}

/** Lets running calls end. Failing to close leaves sockets to their idle timeout, which harms nobody. */
function retire(pool: ToolPool): void {
  pool.close().catch(() => undefined)
}
