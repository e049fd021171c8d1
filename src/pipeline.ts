/**
 * One request's path, on one screen:
 *
 *     listen -> route -> lane.admit -> (lane queue) -> upstream -> observe -> lane limit
 *
 * Admission decides at once; nothing is retried while a lease is held; the end of the body settles the lease.
 */
import { Containment } from './call/containment.ts'
import type { Turn } from './gate/gate.ts'
import { NOT_USED } from './gate/waiting.ts'
import { requestIds } from './call/identifiers.ts'
import { Intake } from './call/read-ahead.ts'
import type { LeaseHandle } from './gate/lease-handle.ts'
import { priorityIn } from './lane/priority.ts'
import type { Priority } from './lane/priority.ts'
import { streamsHolder } from './capacity/capacity.ts'
import type { Connections } from './listen/connections.ts'
import type { Drain } from './listen/drain.ts'
import type { Call } from './listen/server.ts'
import { McpDoor } from './call/mcp-door.ts'
import type { Events } from './observe/events.ts'
import { Passage } from './call/attempt.ts'
import type { Passing } from './call/attempt.ts'
import type { Routed } from './call/routed.ts'
import type { Replies } from './call/replies.ts'
import { give } from './reply/answer.ts'
import { accepted } from './reply/notice.ts'
import { Retries } from './call/retries.ts'
import { agentKey } from './route/agent.ts'
import { callerTtlMs } from './route/deadline.ts'
import { claimedPriority } from './route/priority.ts'
import { parseTarget } from './route/target.ts'
import type { Clock } from './time/clock.ts'
import type { Tool, Tools } from './tools/tools.ts'
import { forward } from './upstream/forward.ts'
import { headerValue, headerValues, hopsLeft } from './upstream/headers.ts'
import { framingOf } from './upstream/upload.ts'

export interface PipelineParts {
  readonly tools: Tools
  readonly events: Events
  readonly drain: Drain
  readonly connections: Connections
  readonly replies: Replies
  readonly clock: Clock
  /** Luck: 0 <= n < 1. */
  readonly random: () => number
  /** Makes a key that cannot be turned back. */
  readonly hash: (text: string) => string
}

const WELL_FORMED_ID = /^[A-Za-z0-9._~:@+/=-]{1,128}$/
/** Paths named to a caller whom no tool matched. */
const PATHS_NAMED = 10

export class Pipeline {
  readonly #parts: PipelineParts
  readonly #retries: Retries
  readonly #passing: Passing
  readonly #mcp: McpDoor
  readonly #newId = requestIds()
  readonly #intake: Intake

  constructor(parts: PipelineParts) {
    this.#parts = parts
    this.#intake = new Intake({
      clock: parts.clock,
      admit: (routed) => this.#admit(routed),
      refuse: (routed, reason, told) => parts.replies.refuse(routed.call, reason, { ...routed, ...told }),
      comeBackMs: (tool) => parts.replies.untilReplacedMs(tool),
      cancelled: (routed) => this.#cancelled(routed.tool),
    })
    this.#retries = new Retries({
      clock: parts.clock,
      random: parts.random,
      emit: (tool, event) => parts.events.emit(tool, event),
      admit: (routed) => this.#admit(routed),
    })
    this.#passing = {
      clock: parts.clock,
      emit: (tool, event) => parts.events.emit(tool, event),
      refuse: (routed, reason, told) =>
        this.#parts.replies.refuse(routed.call, reason, { ...routed, ...told }),
      linger: (request) => this.#parts.replies.linger(request),
      retries: this.#retries,
    }
    this.#mcp = new McpDoor({
      tools: parts.tools,
      clock: parts.clock,
      passing: this.#passing,
      hash: parts.hash,
      priorityOf,
      enter: (routed) => this.#enter(routed),
      hasRoomForStream: (routed) => this.#hasRoom(routed, streamsHolder(routed.tool.tool)),
      refuse: (routed, reason, told) =>
        this.#parts.replies.refuse(routed.call, reason, { ...routed, ...told }),
      comeBackMs: (tool) => parts.replies.untilReplacedMs(tool),
      isDraining: () => parts.drain.isDraining,
    })
  }

  readonly handle = (call: Call): void => {
    const { drain, replies } = this.#parts
    // The shutdown waits for this response to be over, whatever becomes of it.
    drain.enter()
    call.response.on('close', () => drain.leave())
    const askedId = headerValue(call.request.rawHeaders, 'x-request-id')
    const requestId = askedId !== undefined && WELL_FORMED_ID.test(askedId) ? askedId : this.#newId()
    const containment = new Containment(call, { requestId }, replies)
    try {
      this.#route(call, containment, requestId)
    } catch (error) {
      containment.fail(error)
    }
  }

  #route(call: Call, containment: Containment, requestId: string): void {
    const { tools } = this.#parts
    const { rawHeaders, method, url, httpVersionMinor } = call.request

    // Where does it want to go? A target that two parsers could interpret differently is refused.
    const parsed = parseTarget(url ?? '', headerValues(rawHeaders, 'host'), httpVersionMinor, method)
    if (parsed.kind === 'problem')
      return this.#parts.replies.refuse(call, 'BAD_REQUEST', { requestId, detail: parsed.what })
    if (hopsLeft(method, rawHeaders) === 0) return this.#parts.replies.endHere(call)
    const route = tools.router.find(parsed.target)
    if (route.kind === 'ambiguous')
      return this.#parts.replies.refuse(call, 'BAD_REQUEST', { requestId, detail: route.what })
    if (route.kind === 'none')
      return this.#parts.replies.refuse(call, 'NO_ROUTE', { requestId, detail: this.#pathsKnown() })

    const tool = route.to
    const framing = framingOf(rawHeaders)
    const routed: Routed = {
      call,
      containment,
      requestId,
      tool,
      priority: priorityOf(rawHeaders, tool),
      target: parsed.target,
      path: tool.settings.upstream.basePath + route.path + parsed.target.query,
      hasBody: framing.hasBody,
      bodyBytes: framing.declaredBytes,
      earlyUpload: undefined,
      askedAtMs: this.#parts.clock.nowMs(),
    }
    containment.facts = routed
    // Of an MCP server's traffic only the calls of tools go through a lane, and the body says which.
    if (tool.settings.mcp === undefined) this.#enter(routed)
    else if (this.#hasRoom(routed, tool.tool)) this.#mcp.take(routed)
  }

  /** Cuts what would keep a process that shuts down from ever being done. */
  endStreams(): void {
    this.#mcp.endStreams()
  }

  /** A lane holds no more than its share of the process's connections; beyond that its caller is answered here. */
  #hasRoom(routed: Routed, holder: string): boolean {
    if (this.#parts.connections.hold(routed.call, holder)) return true
    const retryAfterMs = this.#parts.replies.untilReplacedMs(routed.tool)
    this.#parts.replies.refuse(routed.call, 'PROXY_OVERLOADED', { ...routed, retryAfterMs })
    return false
  }

  /** What can be refused without the lane is refused before it. */
  #enter(routed: Routed): void {
    const { call, tool, bodyBytes = 0 } = routed
    if (this.#parts.drain.isDraining) {
      return this.#parts.replies.refuse(call, 'DRAINING', {
        ...routed,
        retryAfterMs: this.#parts.replies.untilReplacedMs(tool),
      })
    }
    if (bodyBytes > tool.settings.maxBodyBytes)
      return this.#parts.replies.refuse(call, 'BODY_TOO_LARGE', routed)
    if (!this.#hasRoom(routed, tool.tool)) return
    if (!routed.hasBody || call.request.complete || routed.body !== undefined) this.#admit(routed)
    else this.#intake.take(routed)
  }

  /** The lane decides at once: run, wait or go away. */
  #admit(routed: Routed): void {
    const { call, tool, containment } = routed
    containment.facts = routed
    const asked = {
      priority: routed.priority,
      agentOf: () => this.#agentOf(routed),
      ttlMs: this.#ttlMs(routed),
    }
    const onTurn = containment.around((turn: Turn): void => {
      // An error ended the call before it knew how to leave.
      if (containment.isOver) return turn.kind === 'granted' ? turn.lease.settle(NOT_USED) : undefined
      call.response.off('close', leave)
      this.#proceed(waiting, turn)
    })
    const entered = tool.gate.enter(asked, onTurn)
    if (entered.kind !== 'queued') return this.#proceed(routed, entered)
    // A caller that leaves while waiting leaves the queue at once; its end is only seen by who reads what it sends.
    const waiting = { ...routed, earlyUpload: routed.earlyUpload ?? this.#intake.beside(routed) }
    const leaveNow = (): boolean => {
      const hasLeft = entered.leave()
      if (hasLeft) this.#left(waiting)
      return hasLeft
    }
    const leave = containment.around(() => void leaveNow())
    const giveBack = (): void => {
      call.response.off('close', leave)
      entered.leave()
    }
    containment.holds({ mayHaveRun: false, giveBack })
    routed.mcp?.wait(leaveNow)
    call.response.once('close', leave)
  }

  /** Milliseconds; what the body and the tries before took is gone. */
  #ttlMs({ call, again, enteredAtMs, askedAtMs }: Routed): number | undefined {
    const ttlMs = callerTtlMs((name) => headerValue(call.request.rawHeaders, name))
    if (ttlMs === undefined || (again === undefined && enteredAtMs === undefined)) return ttlMs
    return Math.max(1, ttlMs - (this.#parts.clock.nowMs() - askedAtMs))
  }

  #agentOf({ call: { request }, tool }: Routed): string | undefined {
    const { rawHeaders, socket } = request
    const caller = {
      header: (name: string) => headerValue(rawHeaders, name),
      peer: socket.remoteAddress ?? 'unknown',
    }
    return agentKey(tool.settings.agentHeader, caller, this.#parts.hash)
  }

  #proceed(routed: Routed, turn: Turn): void {
    const { call } = routed
    // A caller whose call the tool has failed before is told that, and not that the tool was never called.
    if (routed.again !== undefined && turn.kind === 'refused') return this.#retries.refused(routed)
    switch (turn.kind) {
      case 'granted':
        return this.#run(routed, turn.lease)
      case 'refused': {
        routed.earlyUpload?.abandon()
        const { reason, retryAfterMs, toolWaitMs } = turn.refusal
        if (reason === 'DRAINING' || reason === 'NO_ROUTE')
          return this.#parts.replies.refuse(call, reason, { ...routed, retryAfterMs })
        return this.#parts.replies.refuse(call, reason, {
          ...routed,
          retryAfterMs,
          detail: saidByTool(toolWaitMs),
          queuedMs: this.#parts.clock.nowMs() - (routed.enteredAtMs ?? routed.askedAtMs),
        })
      }
      default:
        turn satisfies never
    }
  }

  #left({ call, tool, again }: Routed): void {
    // Only its message asked for the end of the call: the caller is still there, and expects no answer to it.
    if (!call.response.destroyed) give(call.response, accepted())
    if (again !== undefined) this.#parts.events.emit(tool.tool, { kind: 'retried', result: 'cancelled' })
    this.#cancelled(tool)
  }

  /** It left before it had a lease. */
  #cancelled({ tool }: Tool): void {
    this.#parts.events.emit(tool, { kind: 'finished', outcome: 'cancelled', durationMs: undefined })
  }

  /** Holds the lease until the end of the body. */
  #run(routed: Routed, lease: LeaseHandle): void {
    const { call, tool } = routed
    const passage = Passage.open(routed, lease, this.#passing)
    if (call.response.destroyed || routed.mcp?.isWithdrawn === true) {
      passage.slot.settle({ cause: 'cancelled', verdict: 'ignored' })
      passage.finished('cancelled', 0)
      if (!call.response.destroyed) give(call.response, accepted())
      return
    }
    // The body is asked for only now that it has somewhere to go.
    if (call.expectsContinue && routed.again === undefined) call.response.writeContinue()
    forward(tool.connections, passage)
  }

  #pathsKnown(): string {
    return `known paths: ${this.#parts.tools.router.paths(PATHS_NAMED).join(', ') || 'none'}`
  }
}

/** In the tool's own time, which may be longer than callers may be told to wait. */
function saidByTool(toolWaitMs: number | undefined): string | undefined {
  // 0: its time is over, and one call looks whether it answers again.
  return toolWaitMs === undefined || toolWaitMs === 0
    ? undefined
    : `it asked for ${Math.ceil(toolWaitMs / 1000)} s`
}

/** The caller's claim, as far as the lane allows it. */
function priorityOf(rawHeaders: readonly string[], tool: Tool): Priority {
  const word = headerValue(rawHeaders, 'x-spillway-priority')
  return priorityIn(tool.settings.lane.priority, claimedPriority(word, headerValues(rawHeaders, 'priority')))
}
