/**
 * The way of a body for an MCP server from the caller to the verdict what it is: read whole, within a share of the memory
 * that all such bodies may take, and judged. What is held is counted from its first byte until its call is over.
 */
import type { Reason } from '../lane/reason.ts'
import type { Routed, Told } from './routed.ts'
import { HeldBytes, mostHeldBytes } from '../capacity/held-bytes.ts'
import type { Holding } from '../capacity/held-bytes.ts'
import { mcpHeadersOf } from '../mcp/headers.ts'
import type { McpHeaders } from '../mcp/headers.ts'
import type { McpBody } from '../mcp/read.ts'
import { Peeker } from './whole-body.ts'
import type { Peeked } from './whole-body.ts'
import type { Tool } from '../tools/tools.ts'
import type { Clock } from '../time/clock.ts'
import { ReadScheduler } from '../mcp/read-scheduler.ts'

/** Milliseconds in which a whole body has to come. */
const BODY_MS = 30_000
const MIB = 1_048_576

export interface IntakeParts {
  readonly clock: Clock
  readonly refuse: (routed: Routed, reason: Reason, told?: Told) => void
  /** Milliseconds, spread over those who come back. */
  readonly comeBackMs: (tool: Tool) => number
  /** The caller left before anything was asked of a lane. */
  readonly gone: (routed: Routed) => void
  /** Bytes that all bodies may take; for tests. */
  readonly mostHeldBytes?: number | undefined
}

/** What was read. It is held until its response has closed, and after that as long as `whenClosed` says. */
export interface Taken {
  readonly routed: Routed & { readonly body: Buffer }
  readonly headers: McpHeaders
  readonly judged: McpBody
  /** `wait` is given what ends the holding, for when nothing runs any more that has the body. */
  readonly whenClosed: (wait: (release: () => void) => void) => void
}

export class Intake {
  readonly #parts: IntakeParts
  readonly #held: HeldBytes
  readonly #peeker: Peeker
  readonly #judge: ReadScheduler

  constructor(parts: IntakeParts) {
    this.#parts = parts
    this.#held = new HeldBytes(parts.mostHeldBytes ?? mostHeldBytes(process.constrainedMemory()))
    this.#peeker = new Peeker(parts.clock)
    this.#judge = new ReadScheduler(parts.clock)
  }

  /** Of all bodies, now. */
  get heldBytes(): number {
    return this.#held.heldBytes()
  }

  /** Calls `done` once the body is there and judged; what comes to nothing before is answered here. */
  take(routed: Routed, done: (taken: Taken) => void): void {
    const { call, tool, bodyBytes = 0 } = routed
    const { request, response } = call
    // A body larger than any server's share could ever be is too large, also later.
    const maxBytes = Math.min(tool.settings.maxBodyBytes, this.#held.mostOfOneBytes)
    if (bodyBytes > maxBytes) return this.#unread(routed, { kind: 'too large' })
    const holding = this.#held.hold(tool.tool)
    if (!holding.fits(bodyBytes)) return this.#unread(routed, { kind: 'no room' })
    if (call.expectsContinue) response.writeContinue()
    const asked = { ...routed, call: { ...call, expectsContinue: false } }
    const onPeeked = (peeked: Peeked): void => {
      if (peeked.kind !== 'whole') return this.#unread(asked, peeked)
      const { body } = peeked
      if (!response.destroyed) return this.#read({ ...asked, body, bodyBytes: body.length }, holding, done)
      holding.release()
      this.#parts.gone(asked)
    }
    const bounds = { maxBytes, maxMs: BODY_MS, holding }
    const fail = (error: unknown): void => routed.containment.fail(error)
    this.#peeker.peek(request, bounds, routed.containment.around(onPeeked), fail)
  }

  #read(routed: Taken['routed'], { release }: Holding, done: (taken: Taken) => void): void {
    const { response, request } = routed.call
    const headers = mcpHeadersOf(request.rawHeaders)
    let isJudged = false
    let wait = (now: () => void): void => now()
    response.once('close', () => wait(release))
    const onJudged = (judged: McpBody): void => {
      isJudged = true
      done({ routed, headers, judged, whenClosed: (until) => (wait = until) })
    }
    const message = { bytes: routed.body, headers }
    const fail = (error: unknown): void => routed.containment.fail(error)
    const judging = this.#judge.read(routed.tool.tool, message, routed.containment.around(onJudged), fail)
    response.once('close', () => {
      judging.clear()
      if (!isJudged) this.#parts.gone(routed)
    })
  }

  #unread(routed: Routed, peeked: Exclude<Peeked, { kind: 'whole' }>): void {
    const { refuse, gone } = this.#parts
    switch (peeked.kind) {
      case 'too large':
        return refuse(routed, 'BODY_TOO_LARGE', this.#whyTooLarge(routed))
      case 'too slow':
        return refuse(routed, 'REQUEST_TIMEOUT', { detail: `no whole body within ${BODY_MS / 1000} s` })
      case 'no room':
        return refuse(routed, 'PROXY_OVERLOADED', this.#whyNoRoom(routed))
      case 'gone':
        return gone(routed)
      default:
        peeked satisfies never
    }
  }

  #whyTooLarge({ tool: { settings } }: Routed): Told {
    const { mostOfOneBytes } = this.#held
    if (settings.maxBodyBytes <= mostOfOneBytes) return {}
    return { detail: `messages for one MCP server may hold ${inMib(mostOfOneBytes)} MiB here` }
  }

  #whyNoRoom({ tool }: Routed): Told {
    const own = inMib(this.#held.heldBytes(tool.tool))
    const all = inMib(this.#held.heldBytes())
    const most = inMib(this.#held.mostBytes)
    const detail = `MCP messages that wait or run hold ${all} of ${most} MiB, those for ${tool.tool} ${own} MiB, and no server may take what is kept for others`
    return { detail, retryAfterMs: this.#parts.comeBackMs(tool) }
  }
}

function inMib(bytes: number): string {
  return (bytes / MIB).toFixed(1)
}
