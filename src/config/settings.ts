/**
 * The configuration as the rest of the program reads it: complete, checked, frozen, in milliseconds and bytes. Only
 * load.ts makes it, out of tools.yaml, environment and flags. A setting is made by the row of its key (keys/).
 */
import type { LaneSettings } from '../lane/settings.ts'

export interface Address {
  readonly host: string
  /** 0 asks the system for a free port. */
  readonly port: number
}

/**
 * One entry of `match` in canonical form. It has a host, a path or both. A path starts with `/`, and only the path `/`
 * ends with it.
 */
export interface MatchRule {
  readonly host?: string
  readonly path?: string
  /** The tool takes `/Path` for `/path`. */
  readonly ignoreCase?: boolean
}

/** How a lane of an MCP server answers a call that it cannot take. */
export type McpOverload = 'tool_result' | 'jsonrpc_error' | 'http_429'

export type McpSettings =
  /** The upstream speaks MCP (Streamable HTTP). */
  | { readonly role: 'server'; readonly overload: McpOverload }
  /** The lane takes the calls whose names match, of another tool's MCP server. It has the upstream of that tool. */
  | {
      readonly role: 'lane'
      readonly server: string
      readonly globs: readonly string[]
      readonly overload: McpOverload
    }

export interface ToolSettings {
  readonly tool: string
  readonly upstream: {
    /** `http://host:port` or `https://host:port`, as undici's Pool takes it. */
    readonly origin: string
    /** `host[:port]` for the Host header. */
    readonly host: string
    /** Stands before the path of every call: empty, or `/segments` without a slash at the end. */
    readonly basePath: string
  }
  readonly match: readonly MatchRule[]
  readonly stripPath: boolean
  readonly keepHost: boolean
  readonly connectTimeoutMs: number
  readonly maxBodyBytes: number
  readonly onClientGone: 'cancel' | 'finish'
  readonly fallbackTools: readonly string[]
  /** How often a call is tried again that failed in one of the ways of `on`, where that is safe. */
  readonly retries: { readonly max: number; readonly on: readonly (string | number)[] }
  /** The header that tells agents apart, in lower case; undefined where all callers share one queue. */
  readonly agentHeader: string | undefined
  /** Undefined for a tool that is no MCP server. */
  readonly mcp: McpSettings | undefined
  readonly lane: LaneSettings
}

export interface FleetSettings {
  /** The URL of the store. A secret: it may hold a password. */
  readonly store: string
  readonly name: string
  readonly leaseTtlMs: number
  readonly onStoreLoss: 'local-share' | 'closed' | 'open'
}

export interface Settings {
  readonly listen: Address
  readonly admin: Address
  /** How long running and waiting calls may go on after SIGTERM. */
  readonly drainMs: number
  /** Undefined for a sidecar on its own. */
  readonly fleet: FleetSettings | undefined
  readonly tools: readonly ToolSettings[]
}
