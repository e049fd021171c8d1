/**
 * The way of what comes for an MCP server: each call of a tool through the lane that takes its name, everything else past
 * the lanes, within bounds of its own. The body is read first and forwarded as it came. This room is above the others, as
 * pipeline.ts is, which it hands the calls back to.
 */
import type { Gate } from '../gate/gate.ts'
import type { Priority } from '../lane/priority.ts'
import type { Reason } from '../lane/reason.ts'
import { answerFor } from './mcp-answer-for.ts'
import { leaseAll } from './mcp-batch.ts'
import { McpCall } from './mcp-call.ts'
import { Intake } from './mcp-intake.ts'
import type { Taken } from './mcp-intake.ts'
import { OpenCalls } from './open-calls.ts'
import { quietly } from './mcp-quiet.ts'
import { Passage } from './attempt.ts'
import type { Passing } from './attempt.ts'
import type { Routed, Told } from './routed.ts'
import { give } from '../reply/answer.ts'
import { accepted } from '../reply/notice.ts'
import type { McpAnswer } from '../reply/refuse-mcp.ts'
import { revisionOf } from '../mcp/headers.ts'
import type { McpMessage, ToolCall } from '../mcp/message.ts'
import { labelOf } from '../mcp/read.ts'
import type { MethodLabel } from '../mcp/read.ts'
import type { Clock } from '../time/clock.ts'
import type { Tool, Tools } from '../tools/tools.ts'
import type { Slot, Watch } from '../upstream/exchange.ts'
import { forward } from '../upstream/forward.ts'
import { headerValue } from '../upstream/headers.ts'

export interface McpDoorParts {
  readonly tools: Tools
  readonly clock: Clock
  readonly passing: Passing
  readonly hash: (text: string) => string
  readonly priorityOf: (rawHeaders: readonly string[], tool: Tool) => Priority
  /** The way through a lane. */
  readonly enter: (routed: Routed) => void
  /** False when it was answered that there is no room. */
  readonly hasRoomForStream: (routed: Routed) => boolean
  readonly refuse: (routed: Routed, reason: Reason, told?: Told) => void
  /** Milliseconds, spread: when somebody may come back for whom the process itself had no room. */
  readonly comeBackMs: (tool: Tool) => number
  readonly isDraining: () => boolean
  /** Bytes that the bodies of all messages may take; unless given, by the memory of the process. */
  readonly mostHeldBytes?: number | undefined
}

/** What goes beside the lanes. */
interface Other {
  readonly method: MethodLabel
  readonly isStream: boolean
}

const STREAM: Other = { method: 'GET', isStream: true }

/** Milliseconds that a server has to end a call that its caller cancelled, before it is cut off. */
const CANCEL_MS = 5000
/** Milliseconds that a stream may go on after its last answer. */
const TRAIL_MS = 30_000
/** Milliseconds in which a server notices that a connection was closed. */
const CLOSED_MS = 50

export class McpDoor {
  readonly #parts: McpDoorParts
  readonly #intake: Intake
  readonly #calls: OpenCalls
  readonly #streams = new Set<Routed['call']['response']>()

  constructor(parts: McpDoorParts) {
    this.#parts = parts
    this.#intake = new Intake({
      clock: parts.clock,
      refuse: parts.refuse,
      comeBackMs: parts.comeBackMs,
      gone: ({ tool: { tool } }) =>
        parts.passing.emit(tool, { kind: 'finished', outcome: 'cancelled', durationMs: undefined }),
      mostHeldBytes: parts.mostHeldBytes,
    })
    this.#calls = new OpenCalls(parts.hash)
  }

  /** Bytes of the bodies that are held now. */
  get heldBytes(): number {
    return this.#intake.heldBytes
  }

  take(routed: Routed): void {
    const { call, hasBody } = routed
    const { request } = call
    // Streamable HTTP has none, and nobody could see what is called in one.
    if (call.upgrade !== undefined)
      return this.#parts.refuse(routed, 'BAD_REQUEST', {
        detail: 'an MCP server is not reached by an upgrade',
      })
    // A body is read whatever the method: some servers do not look at that.
    if (!hasBody) {
      if (request.method === 'GET') return this.#resume(routed)
      return this.#pass(routed, { method: request.method === 'DELETE' ? 'DELETE' : 'other', isStream: false })
    }
    this.#intake.take(routed, (taken) => this.#read(taken))
  }

  /** Streams have no end of their own: their clients come back, to the next process. */
  endStreams(): void {
    for (const response of this.#streams) response.destroy()
  }

  #read(taken: Taken): void {
    const { routed, judged } = taken
    switch (judged.kind) {
      case 'problem':
        return this.#parts.refuse(routed, 'BAD_REQUEST', { detail: judged.what })
      case 'call':
        return this.#call(taken, judged.call)
      case 'batch':
        return this.#batch(taken, judged.messages)
      case 'request':
      case 'notification':
      case 'response':
      case 'opaque': {
        if (routed.call.request.method === 'GET') return this.#resume(routed)
        const cancels = judged.kind === 'notification' ? judged.cancels : undefined
        if (cancels !== undefined && this.#cancel(routed, cancels)) return
        const isStream = judged.kind === 'request' && judged.opensStream
        return this.#pass(routed, { method: labelOf(judged), isStream }, taken)
      }
      default:
        judged satisfies never
    }
  }

  #call(taken: Taken, call: ToolCall): void {
    const { routed, headers } = taken
    const tool = this.#parts.tools.mcpLane(routed.tool, call.name)
    const answer = answerFor(tool, [{ kind: 'call', call }], { routed, headers, isBatch: false })
    const mcp = new McpCall({
      answer,
      idKeys: [call.idKey],
      isClosingCancel: revisionOf(headers).closingCancels,
      onAllAnswered: () => this.#trail(routed, mcp),
    })
    this.#count(tool, 'tools/call')
    this.#follow(taken, [call.idKey], mcp)
    this.#parts.enter(this.#inLane(routed, tool, mcp))
  }

  /** Runs at once with a lease for each of its calls, or is refused whole: it never waits. */
  #batch(taken: Taken, messages: readonly McpMessage[]): void {
    const { routed, headers } = taken
    const calls = messages.flatMap((message) => (message.kind === 'call' ? [message.call] : []))
    const [first, ...rest] = calls
    for (const message of messages) {
      if (message.kind === 'notification' && message.cancels !== undefined)
        this.#callCancelled(routed, message.cancels)
    }
    if (first === undefined) return this.#pass(routed, { method: 'batch', isStream: false }, taken)
    this.#count(routed.tool, 'batch')
    const wants = calls.map(({ name }) => this.#inLane(routed, this.#parts.tools.mcpLane(routed.tool, name)))
    for (const { tool } of wants) this.#count(tool, 'tools/call')
    const leases = leaseAll(wants, this.#parts)
    const answerOf = (tool: Tool): McpAnswer => answerFor(tool, messages, { routed, headers, isBatch: true })
    if (leases.kind === 'refused') {
      const { want, reason, told } = leases
      const mcp = new McpCall({ answer: answerOf(want.tool), idKeys: [first.idKey], isClosingCancel: false })
      return this.#parts.refuse({ ...want, mcp }, reason, told)
    }
    const { want, lease } = leases.first
    const end = { cause: 'cancelled', verdict: 'ignored' } as const
    const giveBack = (): void => leases.others.forEach((slot) => slot.settle(end))
    routed.containment.holds({ mayHaveRun: false, giveBack })
    const others = new Map(rest.map(({ idKey }, index) => [idKey, leases.others[index] as Slot]))
    const mcp = new McpCall({
      answer: answerOf(want.tool),
      idKeys: [first.idKey],
      others,
      isClosingCancel: false,
      onAllAnswered: () => this.#trail(routed, mcp),
    })
    this.#follow(
      taken,
      calls.map(({ idKey }) => idKey),
      mcp,
    )
    forward(want.tool.connections, Passage.open({ ...want, mcp }, lease, this.#parts.passing))
  }

  #inLane(routed: Routed, tool: Tool, mcp?: McpCall): Routed {
    const priority = this.#parts.priorityOf(routed.call.request.rawHeaders, tool)
    return { ...routed, tool, priority, mcp }
  }

  /** So that a message can ask for its end; and its body is held as long as it runs, also when its caller has gone. */
  #follow({ routed: { call, tool }, whenClosed }: Taken, idKeys: readonly string[], mcp: McpCall): void {
    const caller = this.#calls.caller(call.request, tool)
    const forget = idKeys.map((idKey) => this.#calls.add(caller, idKey, mcp))
    mcp.whenOver(call.response, () => forget.forEach((each) => each()))
    whenClosed((release) => mcp.whenIdle(release))
  }

  /** True when the call was waiting and the message, too, is done with: the server need not hear of either. */
  #cancel(routed: Routed, idKey: string): boolean {
    if (this.#callCancelled(routed, idKey) !== 'dequeued') return false
    this.#count(routed.tool, 'notifications/cancelled')
    give(routed.call.response, accepted())
    return true
  }

  #callCancelled(
    { call: { request }, tool, containment }: Routed,
    idKey: string,
  ): 'dequeued' | 'running' | 'over' {
    const mcp = this.#calls.only(this.#calls.caller(request, tool), idKey)
    const state = mcp?.cancel() ?? 'over'
    if (state === 'running')
      this.#parts.clock.after(
        CANCEL_MS,
        containment.around(() => mcp?.giveUp()),
      )
    return state
  }

  /**
   * A stream of the server. With `Last-Event-ID` its caller goes on with one that it lost: the server takes that only once
   * the lost one is closed, which Spillway kept open for it; and the answers to calls that are still running come here.
   */
  #resume(routed: Routed): void {
    const { request, response } = routed.call
    const isResumed = headerValue(request.rawHeaders, 'last-event-id') !== undefined
    const adrift = isResumed ? this.#calls.adrift(this.#calls.caller(request, routed.tool)) : []
    if (adrift.length === 0) return this.#pass(routed, STREAM)
    const watches = adrift.flatMap((mcp) => mcp.move() ?? [])
    const watch: Watch = {
      head: (status, headers) => watches.forEach((each) => each.head(status, headers)),
      chunk: (bytes, elapsedMs) => watches.forEach((each) => each.chunk(bytes, elapsedMs)),
    }
    const pass = routed.containment.around(() => this.#pass({ ...routed, watch }, STREAM))
    const timer = this.#parts.clock.after(CLOSED_MS, pass)
    response.once('close', () => timer.clear())
  }

  /** Past the lanes. */
  #pass(routed: Routed, { method, isStream }: Other, taken?: Taken): void {
    const { call, tool } = routed
    this.#count(tool, method)
    // What running calls need goes on until they are done.
    if (this.#parts.isDraining() && !ENDS_CALLS.test(method)) return this.#parts.enter(routed)
    if (isStream && !this.#parts.hasRoomForStream(routed)) return
    const gate: Gate = isStream ? tool.traffic.streams : tool.traffic.messages
    const entry = gate.enter({}, () => undefined)
    if (entry.kind !== 'granted') {
      if (entry.kind === 'queued') entry.leave()
      else if (entry.refusal.reason === 'DRAINING' || entry.refusal.reason === 'NO_ROUTE')
        return this.#parts.refuse(routed, entry.refusal.reason)
      const detail = `it has ${gate.lane.depths().active} other ${isStream ? 'MCP streams' : 'MCP messages'} already`
      return this.#parts.refuse(routed, 'QUEUE_SATURATED', { detail })
    }
    if (isStream) {
      this.#streams.add(call.response)
      call.response.once('close', () => this.#streams.delete(call.response))
    }
    if (call.expectsContinue) call.response.writeContinue()
    const { passing, whenOver } = quietly(this.#parts.passing)
    forward(tool.connections, Passage.open(routed, entry.lease, passing))
    taken?.whenClosed(whenOver)
  }

  /** Every call of a stream is answered: what still comes is not covered by a lease. */
  #trail({ call: { response }, containment }: Routed, mcp: McpCall): void {
    if (response.destroyed) return mcp.stop()
    const timer = this.#parts.clock.after(
      TRAIL_MS,
      containment.around(() => mcp.stop()),
    )
    response.once('close', () => timer.clear())
  }

  #count({ tool }: Tool, method: MethodLabel): void {
    this.#parts.passing.emit(tool, { kind: 'mcp', method })
  }
}

/** Also in a drain. */
const ENDS_CALLS = /^(?:response|notifications\/|DELETE$)/
