/**
 * The way of what comes for an MCP server: each call of a tool through the lane that takes its name, everything else past
 * the lanes, within bounds of its own. The body is read first and forwarded as it came. This room is above the others, as
 * pipeline.ts is, which it hands the calls back to.
 */
import type { Gate } from '../gate/gate.ts'
import type { Priority } from '../lane/priority.ts'
import type { Reason } from '../lane/reason.ts'
import { leaseAll } from './batch.ts'
import { McpCall } from './call.ts'
import { OpenCalls } from './open-calls.ts'
import { Passage } from '../passage.ts'
import type { Passing } from '../passage.ts'
import { answerFor } from './answer-for.ts'
import type { Routed, Told } from '../routed.ts'
import type { McpAnswer } from '../reply/refuse-mcp.ts'
import { isHeaderRouted, readMcp } from '../route/mcp.ts'
import type { McpHeaders, McpMessage, McpMethod, ToolCall } from '../route/mcp.ts'
import { Peeker } from '../route/peek.ts'
import type { Peeked } from '../route/peek.ts'
import type { Clock } from '../time/clock.ts'
import type { Tool, Tools } from '../tools.ts'
import type { Slot, Watch } from '../upstream/exchange.ts'
import { forward } from '../upstream/forward.ts'
import { headerValue, headerValues } from '../upstream/headers.ts'

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
  readonly isDraining: () => boolean
}

/** Milliseconds in which a whole body has to come. */
const BODY_MS = 30_000
/** Milliseconds that a server has to end a call that its caller cancelled, before it is cut off. */
const CANCEL_MS = 5000
/** Milliseconds that a stream may go on after its last answer. */
const TRAIL_MS = 30_000
/** Milliseconds in which a server notices that a connection was closed. */
const CLOSED_MS = 50

export class McpDoor {
  readonly #parts: McpDoorParts
  readonly #peeker: Peeker
  readonly #calls: OpenCalls
  readonly #streams = new Set<Routed['call']['response']>()
  /** The figures of a lane are those of its calls: of other traffic only its messages are counted. */
  readonly #quiet: Passing

  constructor(parts: McpDoorParts) {
    this.#parts = parts
    this.#peeker = new Peeker(parts.clock)
    this.#calls = new OpenCalls(parts.hash)
    this.#quiet = { ...parts.passing, emit: () => undefined }
  }

  take(routed: Routed): void {
    const { call, tool, hasBody, bodyBytes = 0 } = routed
    const { request, response } = call
    // Streamable HTTP has none, and nobody could see what is called in one.
    if (call.upgrade !== undefined)
      return this.#parts.refuse(routed, 'BAD_REQUEST', {
        detail: 'an MCP server is not reached by an upgrade',
      })
    // A body is read whatever the method: some servers do not look at that.
    if (!hasBody) {
      if (request.method === 'GET') return this.#resume(routed)
      return this.#pass(routed, request.method === 'DELETE' ? 'DELETE' : 'other', false)
    }
    if (bodyBytes > tool.settings.maxBodyBytes) return this.#parts.refuse(routed, 'BODY_TOO_LARGE')
    if (call.expectsContinue) response.writeContinue()
    const asked = { ...routed, call: { ...call, expectsContinue: false } }
    const onPeeked = (peeked: Peeked): void => {
      if (peeked.kind !== 'whole') return this.#unread(asked, peeked)
      const { body } = peeked
      if (response.destroyed) {
        this.#peeker.release(body)
        return this.#unread(asked, { kind: 'gone' })
      }
      response.once('close', () => this.#peeker.release(body))
      this.#read({ ...asked, body, bodyBytes: body.length })
    }
    const bounds = { maxBytes: tool.settings.maxBodyBytes, maxMs: BODY_MS }
    this.#peeker.peek(request, bounds, routed.containment.around(onPeeked))
  }

  #unread(routed: Routed, peeked: Exclude<Peeked, { kind: 'whole' }>): void {
    const { refuse, passing } = this.#parts
    switch (peeked.kind) {
      case 'too large':
        return refuse(routed, 'BODY_TOO_LARGE')
      case 'too slow':
        return refuse(routed, 'BAD_REQUEST', { detail: `no whole body within ${BODY_MS / 1000} s` })
      case 'no room':
        return refuse(routed, 'QUEUE_SATURATED', { detail: 'too many MCP messages are held' })
      case 'gone':
        return passing.emit(routed.tool.tool, {
          kind: 'finished',
          outcome: 'cancelled',
          durationMs: undefined,
        })
      default:
        peeked satisfies never
    }
  }

  /** Streams have no end of their own: their clients come back, to the next process. */
  endStreams(): void {
    for (const response of this.#streams) response.destroy()
  }

  #read(routed: Routed & { readonly body: Buffer }): void {
    const { rawHeaders } = routed.call.request
    const headers = headersOf(rawHeaders)
    const body = readMcp(routed.body, headers)
    switch (body.kind) {
      case 'problem':
        return this.#parts.refuse(routed, 'BAD_REQUEST', { detail: body.what })
      case 'call':
        return this.#call(routed, body.call, headers)
      case 'batch':
        return this.#batch(routed, body.messages, headers)
      case 'other':
        if (routed.call.request.method === 'GET') return this.#resume(routed)
        if (body.cancels !== undefined && this.#cancel(routed, body.cancels)) return
        return this.#pass(routed, body.method, body.isStream)
      default:
        body satisfies never
    }
  }

  #call(routed: Routed, call: ToolCall, headers: McpHeaders): void {
    const tool = this.#parts.tools.mcpLane(routed.tool, call.name)
    const answer = answerFor(tool, [{ kind: 'call', call }], { routed, headers, isBatch: false })
    const mcp = new McpCall({
      answer,
      idKeys: [call.idKey],
      isClosingCancel: isHeaderRouted(headers),
      onAllAnswered: () => this.#trail(routed, mcp),
    })
    this.#count(tool, 'tools/call')
    this.#follow(routed, call.idKey, mcp)
    this.#parts.enter(this.#inLane(routed, tool, mcp))
  }

  /** Runs at once with a lease for each of its calls, or is refused whole: it never waits. */
  #batch(routed: Routed, messages: readonly McpMessage[], headers: McpHeaders): void {
    const calls = messages.flatMap((message) => (message.kind === 'call' ? [message.call] : []))
    const [first, ...rest] = calls
    for (const message of messages) {
      if (message.kind === 'other' && message.cancels !== undefined)
        this.#callCancelled(routed, message.cancels)
    }
    if (first === undefined) return this.#pass(routed, 'batch', false)
    this.#count(routed.tool, 'batch')
    const wants = calls.map(({ name }) => this.#inLane(routed, this.#parts.tools.mcpLane(routed.tool, name)))
    for (const { tool } of wants) this.#count(tool, 'tools/call')
    const taken = leaseAll(wants, this.#parts)
    const answerOf = (tool: Tool): McpAnswer => answerFor(tool, messages, { routed, headers, isBatch: true })
    if (taken.kind === 'refused') {
      const { want, reason, told } = taken
      const mcp = new McpCall({ answer: answerOf(want.tool), idKeys: [first.idKey], isClosingCancel: false })
      return this.#parts.refuse({ ...want, mcp }, reason, told)
    }
    const { want, lease } = taken.first
    const end = { cause: 'cancelled', verdict: 'ignored' } as const
    const giveBack = (): void => taken.others.forEach((slot) => slot.settle(end))
    routed.containment.holds({ mayHaveRun: false, giveBack })
    const others = new Map(rest.map(({ idKey }, index) => [idKey, taken.others[index] as Slot]))
    const mcp = new McpCall({
      answer: answerOf(want.tool),
      idKeys: [first.idKey],
      others,
      isClosingCancel: false,
      onAllAnswered: () => this.#trail(routed, mcp),
    })
    for (const { idKey } of calls) this.#follow(routed, idKey, mcp)
    forward(want.tool.connections, Passage.open({ ...want, mcp }, lease, this.#parts.passing))
  }

  #inLane(routed: Routed, tool: Tool, mcp?: McpCall): Routed {
    const priority = this.#parts.priorityOf(routed.call.request.rawHeaders, tool)
    return { ...routed, tool, priority, mcp }
  }

  /** So that a message can ask for its end. */
  #follow({ call, tool }: Routed, idKey: string, mcp: McpCall): void {
    mcp.whenOver(call.response, this.#calls.add(this.#calls.caller(call.request, tool), idKey, mcp))
  }

  /** True when the call was waiting and the message, too, is done with: the server need not hear of either. */
  #cancel(routed: Routed, idKey: string): boolean {
    if (this.#callCancelled(routed, idKey) !== 'dequeued') return false
    this.#count(routed.tool, 'notifications/cancelled')
    routed.call.response.writeHead(202).end()
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
    if (adrift.length === 0) return this.#pass(routed, 'GET', true)
    const watches = adrift.flatMap((mcp) => mcp.move() ?? [])
    const watch: Watch = {
      head: (status, headers) => watches.forEach((each) => each.head(status, headers)),
      chunk: (bytes, elapsedMs) => watches.forEach((each) => each.chunk(bytes, elapsedMs)),
    }
    const pass = routed.containment.around(() => this.#pass({ ...routed, watch }, 'GET', true))
    const timer = this.#parts.clock.after(CLOSED_MS, pass)
    response.once('close', () => timer.clear())
  }

  /** Past the lanes. */
  #pass(routed: Routed, method: McpMethod, isStream: boolean): void {
    const { call, tool } = routed
    this.#count(tool, method)
    // What running calls need goes on until they are done.
    if (this.#parts.isDraining() && !ENDS_CALLS.test(method)) return this.#parts.enter(routed)
    if (isStream && !this.#parts.hasRoomForStream(routed)) return
    const gate: Gate = isStream ? tool.traffic.streams : tool.traffic.messages
    const entry = gate.enter()
    if (entry.kind !== 'granted') {
      if (entry.kind === 'closed') return this.#parts.refuse(routed, 'DRAINING')
      if (entry.kind === 'queued') entry.leave()
      const detail = `it has ${gate.lane.depths().active} other ${isStream ? 'MCP streams' : 'MCP messages'} already`
      return this.#parts.refuse(routed, 'QUEUE_SATURATED', { detail })
    }
    if (isStream) {
      this.#streams.add(call.response)
      call.response.once('close', () => this.#streams.delete(call.response))
    }
    if (call.expectsContinue) call.response.writeContinue()
    forward(tool.connections, Passage.open(routed, entry.lease, this.#quiet, gate))
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

  #count({ tool }: Tool, method: McpMethod): void {
    this.#parts.passing.emit(tool, { kind: 'mcp', method })
  }
}

/** Also in a drain. */
const ENDS_CALLS = /^(?:response|notifications\/|DELETE$)/

function headersOf(raw: readonly string[]): McpHeaders {
  return {
    contentType: headerValues(raw, 'content-type'),
    contentEncoding: headerValues(raw, 'content-encoding'),
    version: headerValues(raw, 'mcp-protocol-version'),
    method: headerValues(raw, 'mcp-method'),
    name: headerValues(raw, 'mcp-name'),
  }
}
