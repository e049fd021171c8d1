/**
 * One request's path, on one screen:
 *
 *     listen -> route -> lane.admit -> (lane queue) -> upstream -> observe -> lane limit
 *
 * Admission decides at once; nothing is retried while a lease is held; the end of the body settles the lease.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Turn } from './gate/gate.ts'
import { LeaseSlot } from './gate/slot.ts'
import type { Lease } from './lane/lease.ts'
import type { Reason } from './lane/reason.ts'
import type { Drain } from './listen/drain.ts'
import type { Call } from './listen/server.ts'
import { NO_TOOL } from './observe/events.ts'
import type { Events } from './observe/events.ts'
import { refuse } from './reply/refuse.ts'
import { parseTarget } from './route/target.ts'
import type { Target } from './route/target.ts'
import type { Clock } from './time/clock.ts'
import type { Tool, Tools } from './tools.ts'
import { forward } from './upstream/forward.ts'
import { headerValue, headerValues, toTool } from './upstream/headers.ts'
import { framingOf } from './upstream/upload.ts'

export interface PipelineParts {
  readonly tools: Tools
  readonly events: Events
  readonly drain: Drain
  readonly clock: Clock
}

/** A request that is known to be for a tool. */
interface Routed {
  readonly call: Call
  readonly requestId: string
  readonly tool: Tool
  readonly target: Target
  /** For the tool: base path, the rest of the caller's path, query. */
  readonly path: string
  readonly hasBody: boolean
}

interface Facts {
  readonly requestId: string
  readonly tool?: Tool
  readonly retryAfterMs?: number
  readonly detail?: string
}

const WELL_FORMED_ID = /^[A-Za-z0-9._~:@+/=-]{1,128}$/
/** Milliseconds that a refused caller may go on sending a body nobody reads. */
const LINGER_MS = 5000
/** Paths named to a caller whom no tool matched. */
const PATHS_NAMED = 10

export class Pipeline {
  readonly #parts: PipelineParts

  constructor(parts: PipelineParts) {
    this.#parts = parts
  }

  readonly handle = (call: Call): void => {
    const { tools, drain } = this.#parts
    // The shutdown waits for this response to be over, whatever becomes of it.
    call.response.on('close', drain.enter())
    const { rawHeaders, url, httpVersionMinor } = call.request
    const requestId = requestIdOf(headerValue(rawHeaders, 'x-request-id'))

    // Where does it want to go? What two readers could read differently goes nowhere.
    const parsed = parseTarget(url ?? '', headerValues(rawHeaders, 'host'), httpVersionMinor)
    if (parsed.kind === 'problem') return this.#refuse(call, 'BAD_REQUEST', { requestId, detail: parsed.what })
    const route = tools.router.find(parsed.target)
    if (route === undefined) return this.#refuse(call, 'NO_ROUTE', { requestId, detail: this.#pathsKnown() })

    // What can be refused without the lane is refused before it.
    const tool = route.to
    const framing = framingOf(rawHeaders)
    if (drain.isDraining) return this.#refuse(call, 'DRAINING', { requestId, tool })
    if ((framing.declaredBytes ?? 0) > tool.settings.maxBodyBytes) {
      return this.#refuse(call, 'BODY_TOO_LARGE', { requestId, tool })
    }
    const path = tool.settings.upstream.basePath + route.path + parsed.target.query
    this.#admit({ call, requestId, tool, target: parsed.target, path, hasBody: framing.hasBody })
  }

  /** The lane decides at once: run, wait or go away. */
  #admit(routed: Routed): void {
    const { call, tool } = routed
    const entry = tool.gate.enter()
    if (entry.kind !== 'queued') return this.#proceed(routed, entry)
    // A caller that leaves while waiting leaves the queue at once.
    call.response.once('close', entry.leave)
    // The promise never rejects, and #proceed handles every way in which waiting can end.
    void entry.turn.then((turn) => {
      call.response.off('close', entry.leave)
      this.#proceed(routed, turn)
    })
  }

  #proceed(routed: Routed, turn: Turn): void {
    const { call, requestId, tool } = routed
    switch (turn.kind) {
      case 'granted':
        return this.#run(routed, turn.lease)
      case 'refused':
        return this.#refuse(call, turn.refusal.reason, { requestId, tool, retryAfterMs: turn.refusal.retryAfterMs })
      case 'left':
        return this.#parts.events.emit(tool.tool, { kind: 'finished', outcome: 'cancelled', durationMs: undefined })
      default:
        turn satisfies never
    }
  }

  /** Holds the lease until the end of the body. */
  #run(routed: Routed, lease: Lease): void {
    const { call, requestId, tool, target, path, hasBody } = routed
    const { request, response, upgrade } = call
    const { settings, gate, pool } = tool
    const emit = this.#parts.events.emit.bind(this.#parts.events, tool.tool)
    const slot = new LeaseSlot(gate, lease)
    if (response.destroyed) {
      slot.settle({ cause: 'cancelled', verdict: 'ignored' })
      emit({ kind: 'finished', outcome: 'cancelled', durationMs: 0 })
      return
    }
    // The body is asked for only now that it has somewhere to go.
    if (call.expectsContinue) response.writeContinue()
    const peer = request.socket.remoteAddress ?? 'unknown'
    const host = settings.keepHost && target.hostHeader !== '' ? target.hostHeader : settings.upstream.host
    forward(pool, {
      request,
      response,
      upgrade,
      tool: tool.tool,
      path,
      headers: toTool(request.rawHeaders, { host, callerHost: target.hostHeader, peer, requestId }),
      hasBody,
      queuedMs: lease.waitedMs,
      maxBodyBytes: settings.maxBodyBytes,
      onClientGone: settings.onClientGone,
      slot,
      nowMs: this.#parts.clock.nowMs,
      refuse: (reason) => this.#refuse(call, reason, { requestId, tool }),
      answered: (status, firstByteMs) => emit({ kind: 'answered', status, firstByteMs }),
      finished: (outcome, durationMs) => emit({ kind: 'finished', outcome, durationMs }),
    })
  }

  /** Spillway's own answer, in the tool's place. */
  #refuse(call: Call, reason: Reason, facts: Facts): void {
    const { request, response } = call
    const { tool } = facts
    const depths = tool?.gate.lane.depths()
    const lane = tool && depths && {
      tool: tool.tool,
      maxQueueDepth: tool.settings.lane.maxQueueDepth,
      fallbackTools: tool.settings.fallbackTools,
      depths,
    }
    const reply = refuse({ ...facts, reason, lane })
    this.#parts.events.emit(tool?.tool ?? NO_TOOL, { kind: 'replied', reason, retryAfterMs: reply.retryAfterMs, depths })
    this.#parts.events.emit(tool?.tool ?? NO_TOOL, { kind: 'finished', outcome: 'refused', durationMs: undefined })
    // A caller that was never told to send its body may send the next request instead: the connection cannot go on.
    if (call.expectsContinue || this.#parts.drain.isDraining) response.shouldKeepAlive = false
    response.writeHead(reply.status, reply.headers)
    response.end(reply.body)
    if (!request.complete && framingOf(request.rawHeaders).hasBody) this.#linger(request)
  }

  /** node reads on what a refused caller still sends, so that the answer arrives; but not for ever. */
  #linger(request: IncomingMessage): void {
    const timer = this.#parts.clock.after(LINGER_MS, () => request.socket.destroy())
    request.once('close', () => timer.clear())
  }

  #pathsKnown(): string {
    return `known paths: ${this.#parts.tools.router.paths(PATHS_NAMED).join(', ') || 'none'}`
  }
}

function requestIdOf(asked: string | undefined): string {
  return asked !== undefined && WELL_FORMED_ID.test(asked) ? asked : randomUUID()
}
