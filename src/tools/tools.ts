/**
 * All configured tools, the router over them, and the lanes that take calls of MCP servers. Applies a planned reload
 * without touching the tools that it does not change. Two tools share nothing but the router.
 */
import type { ReloadPlan } from '../config/reload.ts'
import type { ToolSettings } from '../config/settings.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { GateParts } from '../gate/gate.ts'
import type { ToolEvent } from '../observe/events.ts'
import { McpLanes } from '../mcp/lanes.ts'
import { Router } from '../route/match.ts'
import { Tool, retire } from './tool.ts'

export interface ToolsParts extends Pick<GateParts, 'clock' | 'random' | 'failed'> {
  readonly emit: (tool: string, event: ToolEvent) => void
  /** Undefined for a sidecar on its own. */
  readonly fleet: Fleet | undefined
}

export class Tools {
  readonly #parts: ToolsParts
  readonly #tools = new Map<string, Tool>()
  /** Tools that a reload removed and that still have running or waiting calls. */
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

  /** The tool whose lane takes calls of this name at an MCP server; the server itself if no other does. */
  mcpLane(server: Tool, name: string): Tool {
    const lane = this.#mcpLanes.laneOf(server.tool, name)
    return lane === server.tool ? server : (this.#tools.get(lane) ?? server)
  }

  all(): IterableIterator<Tool> {
    return this.#tools.values()
  }

  /** A removed tool gets no new calls; its running and waiting calls are completed. */
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

  /** Refuses waiting and future calls with DRAINING. */
  closeGates(): void {
    for (const tool of [...this.all(), ...this.#retiring.values()]) tool.close('DRAINING')
  }

  /** Cuts all connections; to be called after closeGates. */
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

  /** A removed tool that a reload adds again keeps its lane, so that its old calls count against its limit. */
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
      this.#parts.clock.after(CHECK_EVERY_MS, () => this.#closeWhenIdle(tool))
      return
    }
    this.#retiring.delete(tool.tool)
    this.#parts.fleet?.leave(tool.tool)
    tool.close('NO_ROUTE')
    retire(tool.pool)
  }
}

/** Milliseconds between two checks whether a removed tool still has calls. */
const CHECK_EVERY_MS = 1000

function mcpLanesOf(tools: Iterable<Tool>): McpLanes {
  return new McpLanes(
    [...tools].flatMap(({ tool, settings: { mcp } }) =>
      mcp?.role === 'lane' ? [{ lane: tool, server: mcp.server, globs: mcp.globs }] : [],
    ),
  )
}
