/**
 * One configured tool at work: its gate, its connections and its settings. A reload changes the tool in place, so that a
 * call that waits meets the settings and connections of its turn.
 */
import type { ToolSettings } from '../config/settings.ts'
import { Gate } from '../gate/gate.ts'
import type { GateParts } from '../gate/gate.ts'
import type { ClosedReason } from '../lane/reason.ts'
import type { Clock } from '../time/clock.ts'
import { systemPaths } from '../upstream/name-query.ts'
import { ToolPool } from '../upstream/tool-pool.ts'
import { McpTraffic } from './mcp-traffic.ts'

export class Tool {
  readonly gate: Gate
  readonly #parts: Pick<GateParts, 'clock' | 'random' | 'failed'>
  #settings: ToolSettings
  #pool: ToolPool
  #traffic: McpTraffic | undefined
  #closedWith: ClosedReason | undefined

  constructor(settings: ToolSettings, parts: GateParts) {
    this.gate = new Gate(settings.lane, parts)
    // Without `demandMoved`, because messages and streams take no slots of the fleet.
    const { clock, random, failed } = parts
    this.#parts = { clock, random, failed }
    this.#settings = settings
    this.#pool = poolOf(settings, parts.clock)
  }

  /** The gates for the messages and streams of an MCP server; opened when they are first needed. */
  get traffic(): McpTraffic {
    this.#traffic ??= this.#openTraffic()
    return this.#traffic
  }

  /** Refuses waiting and future calls, messages and streams with this reason. */
  close(reason: ClosedReason): void {
    this.#closedWith = reason
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

  /** Applies new settings. The queue and the leases stay, and running calls keep their connections. */
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

  #openTraffic(): McpTraffic {
    const traffic = new McpTraffic(this.#settings.lane, this.#parts)
    if (this.#closedWith !== undefined) traffic.close(this.#closedWith)
    return traffic
  }
}

function poolOf({ upstream, connectTimeoutMs }: ToolSettings, clock: Clock): ToolPool {
  return new ToolPool({ origin: upstream.origin, connectTimeoutMs, clock, paths: systemPaths() })
}

/** Lets running calls end. If closing fails, the idle timeout still closes the sockets. */
export function retire(pool: ToolPool): void {
  pool.close().catch(() => undefined)
}
