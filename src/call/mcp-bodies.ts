/**
 * The body of a request to an MCP server, from the caller to what it says: read whole, within a share of the memory that
 * all such bodies may take. What is held is counted from its first byte until its call is over.
 */
import { MessageMemory, maxBodyMemoryBytes } from '../capacity/message-memory.ts'
import type { Allocation } from '../capacity/message-memory.ts'
import { mcpHeadersOf } from '../mcp/headers.ts'
import type { McpHeaders } from '../mcp/headers.ts'
import { ReadScheduler } from '../mcp/read-scheduler.ts'
import type { McpBody } from '../mcp/read.ts'
import type { Clock } from '../time/clock.ts'
import type { Tool } from '../tools/tool.ts'
import { bytesOf } from './body.ts'
import type { Call } from './call.ts'
import type { CallRefusal, Replies } from './replies.ts'
import { readWhole } from './whole-body.ts'
import type { WholeBody } from './whole-body.ts'

/** Milliseconds in which a whole body has to come. */
const BODY_MS = 30_000
const MIB = 1_048_576

export interface McpBodiesParts {
  readonly clock: Clock
  readonly replies: Pick<Replies, 'untilReplacedMs'>
  /** Bytes that all bodies may take; unless given, by the memory of the process. */
  readonly maxHeldBytes?: number | undefined
}

export type McpRead =
  | { readonly kind: 'read'; readonly headers: McpHeaders; readonly body: McpBody }
  | { readonly kind: 'refused'; readonly refusal: CallRefusal }

export class McpBodies {
  readonly #parts: McpBodiesParts
  readonly #held: MessageMemory
  readonly #scheduler: ReadScheduler

  constructor(parts: McpBodiesParts) {
    this.#parts = parts
    this.#held = new MessageMemory(parts.maxHeldBytes ?? maxBodyMemoryBytes(process.constrainedMemory()))
    this.#scheduler = new ReadScheduler(parts.clock)
  }

  /** Of all bodies, now. */
  get heldBytes(): number {
    return this.#held.heldBytes()
  }

  /** Calls `done` once, unless the caller leaves before. */
  read(call: Call, done: (read: McpRead) => void): void {
    const { tool, caller } = call
    const bytes = bytesOf(call.body) ?? 0
    // A body larger than any server's share could ever be is too large, also later.
    const maxBytes = Math.min(tool.settings.maxBodyBytes, this.#held.mostOfOneBytes)
    if (bytes > maxBytes) return done(this.#tooLarge(tool))
    const allocation = this.#held.allocate(tool.tool)
    if (!allocation.fits(bytes)) return done(this.#noRoom(tool))
    caller.proceed()
    const bounds = { maxBytes, maxMs: BODY_MS, allocation }
    const onRead = (body: WholeBody): void => {
      if (body.kind === 'whole') this.#parse(call, body.content, allocation, done)
      else if (body.kind !== 'gone') done(this.#unread(tool, body.kind))
    }
    const fail = (error: unknown): void => call.fail(error)
    readWhole(caller.request, bounds, this.#parts.clock, { done: call.contained(onRead), fail })
  }

  #parse(call: Call, content: Buffer, { release }: Allocation, done: (read: McpRead) => void): void {
    call.body = { kind: 'whole', content }
    // Also a caller that has gone leaves the body with what still runs.
    call.whenClosed(() => {
      if (call.mcp === undefined) call.whenEnded(release)
      else call.mcp.whenIdle(release)
    })
    const headers = mcpHeadersOf(call.caller.request.rawHeaders)
    const onParsed = call.contained((body: McpBody) => done({ kind: 'read', headers, body }))
    const fail = (error: unknown): void => call.fail(error)
    const reading = this.#scheduler.read(call.tool.tool, { bytes: content, headers }, onParsed, fail)
    call.whenClosed(() => reading.clear())
  }

  #unread(tool: Tool, why: Exclude<WholeBody['kind'], 'whole' | 'gone'>): McpRead {
    switch (why) {
      case 'too large':
        return this.#tooLarge(tool)
      case 'too slow':
        return refused({ reason: 'REQUEST_TIMEOUT', detail: `no whole body within ${BODY_MS / 1000} s` })
      case 'no room':
        return this.#noRoom(tool)
      default:
        return why satisfies never
    }
  }

  #tooLarge({ settings }: Tool): McpRead {
    const { mostOfOneBytes } = this.#held
    const detail = `messages for one MCP server may hold ${inMib(mostOfOneBytes)} MiB here`
    const isOwnBound = settings.maxBodyBytes <= mostOfOneBytes
    return refused({ reason: 'BODY_TOO_LARGE', detail: isOwnBound ? undefined : detail })
  }

  #noRoom(tool: Tool): McpRead {
    const own = inMib(this.#held.heldBytes(tool.tool))
    const all = inMib(this.#held.heldBytes())
    const most = inMib(this.#held.mostBytes)
    const detail = `MCP messages that wait or run hold ${all} of ${most} MiB, those for ${tool.tool} ${own} MiB, and no server may take what is kept for others`
    const retryAfterMs = this.#parts.replies.untilReplacedMs(tool)
    return refused({ reason: 'PROXY_OVERLOADED', detail, retryAfterMs })
  }
}

function refused(refusal: CallRefusal): McpRead {
  return { kind: 'refused', refusal }
}

function inMib(bytes: number): string {
  return (bytes / MIB).toFixed(1)
}
