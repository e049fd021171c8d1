/**
 * The configuration as the rest of the program sees it: complete, certain, frozen, in milliseconds and bytes.
 * load.ts makes it out of tools.yaml, environment and flags; nothing else may.
 */
import type { LaneSettings } from '../lane/settings.ts'

export interface Address {
  readonly host: string
  /** 0 asks the system for a free port. */
  readonly port: number
}

/** One entry of `match`, in normal form: host or path is there. `path` starts with `/` and ends without. */
export interface MatchRule {
  readonly host?: string
  readonly path?: string
  /** For a tool that reads `/Path` as `/path`. */
  readonly ignoreCase?: boolean
}

/** How a lane of an MCP server answers a call that it cannot take. */
export type McpOverload = 'tool_result' | 'jsonrpc_error' | 'http_429'

export type McpSettings =
  /** The upstream speaks MCP (Streamable HTTP). */
  | { readonly role: 'server'; readonly overload: McpOverload }
  /** Takes the calls of another tool's MCP server whose names match; upstream and connection are the server's. */
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
    /** Put before every path; empty or `/segments` without a slash at the end. */
    readonly basePath: string
  }
  readonly match: readonly MatchRule[]
  readonly stripPath: boolean
  readonly keepHost: boolean
  readonly connectTimeoutMs: number
  readonly maxBodyBytes: number
  readonly onClientGone: 'cancel' | 'finish'
  readonly fallbackTools: readonly string[]
  /** How often a call that failed in one of these ways is tried again, where that is safe. */
  readonly retries: { readonly max: number; readonly on: readonly (string | number)[] }
  /** In lower case: the header that tells agents apart; undefined where all callers share one line. */
  readonly agentHeader: string | undefined
  /** undefined for plain HTTP. */
  readonly mcp: McpSettings | undefined
  readonly lane: LaneSettings
}

export interface FleetSettings {
  /** A secret: it may hold a password. */
  readonly store: string
  readonly name: string
  readonly leaseTtlMs: number
  readonly onStoreLoss: 'local-share' | 'closed' | 'open'
}

export type LogFormat = 'json' | 'text'

export interface Settings {
  readonly listen: Address
  readonly admin: Address
  /** Milliseconds that SIGTERM gives running and waiting work. */
  readonly drainMs: number
  /** Undefined for a sidecar on its own. */
  readonly fleet: FleetSettings | undefined
  readonly tools: readonly ToolSettings[]
}
