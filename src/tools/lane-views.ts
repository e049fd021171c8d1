/**
 * The lanes in JSON for the admin API: each lane's own figures, its role at an MCP server and its membership in the fleet.
 * The field names are those of the contract, section 6.
 */
import type { McpSettings } from '../config/settings.ts'
import type { MembershipStatus } from '../fleet/membership.ts'
import type { Lane } from '../lane/lane.ts'
import { showLane } from '../observe/lane-json.ts'
import type { Totals } from '../observe/totals.ts'
import type { Clock } from '../time/clock.ts'
import type { Tools } from './tools.ts'

export interface LaneViewsParts {
  readonly tools: Tools
  readonly totals: Totals
  readonly clock: Clock
  /** Undefined for a sidecar on its own. */
  readonly membership: (tool: string) => MembershipStatus | undefined
}

export class LaneViews {
  readonly #parts: LaneViewsParts

  constructor(parts: LaneViewsParts) {
    this.#parts = parts
  }

  /** For the metrics. */
  *lanes(): Iterable<Lane> {
    for (const { gate } of this.#parts.tools.all()) yield gate.lane
  }

  readonly all = (): object[] => [...this.#parts.tools.all()].map(({ tool }) => this.one(tool) ?? {})

  /** Undefined for an unknown tool. */
  readonly one = (name: string): object | undefined => {
    const { tools, totals, clock, membership } = this.#parts
    const tool = tools.get(name)
    if (tool === undefined) return undefined
    const beside = { mcp: showMcp(tool.settings.mcp), fleet: membership(name) }
    const moment = { nowMs: clock.nowMs(), wallMs: clock.wallMs() }
    return showLane(tool.gate.lane, totals.of(name), moment, beside)
  }
}

function showMcp(mcp: McpSettings | undefined): object | undefined {
  if (mcp === undefined) return undefined
  const { overload } = mcp
  return mcp.role === 'server' ? { overload } : { server: mcp.server, tools: mcp.globs, overload }
}
