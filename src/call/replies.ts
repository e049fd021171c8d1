/**
 * How callers get Spillway's own answers, in the tool's place: the bytes are reply/'s, counting is for the events, and a
 * caller who still sends its body may finish it, within a bound.
 */
import type { IncomingMessage } from 'node:http'
import type { Priority } from '../lane/priority.ts'
import type { Fault, Reason } from '../lane/reason.ts'
import type { Connections } from '../listen/connections.ts'
import type { Drain } from '../listen/drain.ts'
import type { Call } from '../listen/server.ts'
import type { McpCall } from './mcp-call.ts'
import { NO_TOOL } from '../observe/events.ts'
import type { Events } from '../observe/events.ts'
import { lastHop } from '../reply/last-hop.ts'
import { refuse } from '../reply/refuse.ts'
import { refuseMcp } from '../reply/refuse-mcp.ts'
import type { Clock } from '../time/clock.ts'
import type { Tool } from '../tools/tools.ts'
import { endAfterBody, framingOf } from '../upstream/upload.ts'

export interface RepliesParts {
  readonly events: Events
  readonly drain: Drain
  /** Of the listener for agents. */
  readonly connections: Connections
  readonly clock: Clock
  /** Luck: 0 <= n < 1. */
  readonly random: () => number
}

export interface Facts {
  readonly requestId: string
  readonly tool?: Tool
  readonly priority?: Priority
  /** Set for calls that are answered in the protocol's own form. */
  readonly mcp?: McpCall | undefined
  readonly retryAfterMs?: number
  readonly detail?: string | undefined
  /** Milliseconds spent in the queue. */
  readonly queuedMs?: number
  /** What went wrong on the way to the tool: its caller is told the cause, and no more. */
  readonly fault?: Fault | undefined
  /** For the reasons of which it is not certain beforehand. */
  readonly notExecuted?: boolean | undefined
}

/** After these the connection is closed: another one needs its place, or the rest of the body is not waited for. */
const ENDS_CONNECTION: ReadonlySet<Reason> = new Set<Reason>(['PROXY_OVERLOADED', 'REQUEST_TIMEOUT'])
/** Milliseconds that a caller who was answered early may go on sending. */
const LINGER_MS = 30_000
/** Milliseconds over which the callers of a process that shuts down are spread. */
const REPLACED_WITHIN_MS = 5000

export class Replies {
  readonly #parts: RepliesParts

  constructor(parts: RepliesParts) {
    this.#parts = parts
  }

  /** Spillway's own answer, in the tool's place. */
  refuse(call: Call, reason: Reason, facts: Facts): void {
    const { response } = call
    const { tool, priority = 'normal' } = facts
    const depths = tool?.gate.lane.depths()
    const lane = tool &&
      depths && {
        tool: tool.tool,
        maxQueueDepth: tool.settings.lane.maxQueueDepth,
        fallbackTools: tool.settings.fallbackTools,
        depths,
      }
    const told = { ...facts, priority, reason, lane, cause: facts.fault?.cause }
    const reply = facts.mcp === undefined ? refuse(told) : refuseMcp(told, facts.mcp.answer)
    // A caller that was never told to send its body may send the next request instead: the connection cannot go on.
    // Nor where another connection has to make room.
    const isClosing = this.#parts.drain.isDraining || ENDS_CONNECTION.has(reason)
    if (call.expectsContinue || isClosing) response.shouldKeepAlive = false
    response.writeHead(reply.status, reply.headers)
    this.#parts.events.emit(tool?.tool ?? NO_TOOL, {
      kind: 'replied',
      reason,
      priority,
      retryAfterMs: reply.retryAfterMs,
      depths,
      fault: facts.fault,
    })
    this.#parts.events.emit(tool?.tool ?? NO_TOOL, {
      kind: 'finished',
      outcome: 'refused',
      durationMs: undefined,
    })
    this.#body(call, reply.body)
  }

  /** The answer of a server without resources of its own, to a request that may be passed on no further. */
  endHere(call: Call): void {
    const { status, headers, body } = lastHop(call.request.method ?? '')
    if (call.expectsContinue) call.response.shouldKeepAlive = false
    call.response.writeHead(status, headers)
    this.#parts.events.emit(NO_TOOL, { kind: 'finished', outcome: 'completed', durationMs: undefined })
    this.#body(call, body)
  }

  /** Ends the answer, once the request has come whole or need not come. */
  #body(call: Call, body: string): void {
    const { request, response } = call
    if (request.complete || call.expectsContinue || !framingOf(request.rawHeaders).hasBody) {
      response.end(body)
      return
    }
    response.write(body)
    endAfterBody(request, response)
    this.linger(request)
  }

  /** Tells an error of ours. */
  broke({ tool, requestId }: Facts, error: unknown): void {
    this.#parts.events.broke(tool?.tool ?? NO_TOOL, requestId, error)
  }

  /** Ends a call after an error of ours: with an answer where no head has gone out, else its caller sees it cut. */
  end(call: Call, facts: Facts): void {
    const { response } = call
    if (!response.headersSent && !response.destroyed) return this.refuse(call, 'INTERNAL', facts)
    // The answer had gone out whole: the error does not concern the caller.
    if (response.writableFinished || (response.writableEnded && response.destroyed)) return
    this.cut(call)
    this.#parts.events.emit(facts.tool?.tool ?? NO_TOOL, {
      kind: 'finished',
      outcome: 'broken',
      durationMs: undefined,
    })
  }

  cut({ request, response, upgrade }: Call): void {
    response.destroy()
    request.socket.destroy()
    upgrade?.socket.destroy()
  }

  /** A caller who has its answer may finish sending, but not for ever. */
  linger(request: IncomingMessage): void {
    this.#parts.connections.release(request)
    const timer = this.#parts.clock.after(LINGER_MS, () => request.socket.destroy())
    request.once('close', () => timer.clear())
  }

  /** Milliseconds: nobody knows when the next process is up, so the callers are only spread. */
  untilReplacedMs(tool: Tool): number {
    const { minMs, maxMs } = tool.settings.lane.retryAfter
    return Math.round(minMs + this.#parts.random() * Math.min(REPLACED_WITHIN_MS, maxMs - minMs))
  }
}
