/**
 * What a request to an MCP server asks for, as a way through the pipeline: each call of a tool through the lane that
 * takes its name, a batch through several lanes at once, everything else past the lanes. Keeps the open calls, so that
 * messages can cancel them and streams can be resumed.
 */
import type { Drain } from '../listen/drain.ts'
import { answerForm } from '../mcp/answer-form.ts'
import { revisionOf } from '../mcp/headers.ts'
import type { McpHeaders } from '../mcp/headers.ts'
import type { McpMessage, ToolCall } from '../mcp/message.ts'
import { labelOf } from '../mcp/read.ts'
import type { McpBody, MethodLabel } from '../mcp/read.ts'
import type { Events } from '../observe/events.ts'
import type { McpAnswer } from '../reply/refuse-mcp.ts'
import type { Clock } from '../time/clock.ts'
import type { Tool } from '../tools/tool.ts'
import type { Tools } from '../tools/tools.ts'
import type { AnswerObserver } from '../upstream/attempt.ts'
import { headerValue } from '../upstream/headers.ts'
import type { Call } from './call.ts'
import { McpBodies } from './mcp-bodies.ts'
import { McpCall } from './mcp-call.ts'
import { OpenCalls } from './open-calls.ts'
import type { CallRefusal, Replies } from './replies.ts'
import { takeLane } from './route.ts'

/** How a call goes on once it was read. */
export type Way =
  /** Through its lane, where it may wait. */
  | { readonly kind: 'lane' }
  /** Through the lane of each call at once, or not at all. */
  | { readonly kind: 'batch'; readonly batch: Batch }
  | Beside
  /** Nobody else has to hear of it. */
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly refusal: CallRefusal }

/** Past the lanes. */
export interface Beside {
  readonly kind: 'beside'
  readonly traffic: 'messages' | 'streams'
  /** Observes the answer. */
  readonly observer?: AnswerObserver | undefined
}

export interface Batch {
  readonly calls: readonly [ToolCall, ...ToolCall[]]
  /** The tool in whose lane each call runs. */
  readonly tools: readonly [Tool, ...Tool[]]
  /** The form in which the lane of this tool refuses the batch. */
  readonly answerOf: (tool: Tool) => McpAnswer
  /** Makes the calls known to those that may cancel them, once they have their leases. */
  readonly register: (mcp: McpCall) => void
}

export interface McpStageParts {
  readonly tools: Tools
  readonly clock: Clock
  readonly events: Events
  readonly drain: Drain
  readonly replies: Replies
  /** Makes a key that cannot be turned back. */
  readonly hash: (text: string) => string
  readonly maxHeldBytes?: number | undefined
}

const STREAM: Beside = { kind: 'beside', traffic: 'streams' }
const MESSAGE: Beside = { kind: 'beside', traffic: 'messages' }
const ACCEPTED: Way = { kind: 'accepted' }

/** Milliseconds in which a server notices that a connection was closed. */
const CLOSED_MS = 50
/** What running calls need goes on in a drain. */
const ENDS_CALLS = /^(?:response|notifications\/|DELETE$)/

export class McpStage {
  readonly #parts: McpStageParts
  readonly #bodies: McpBodies
  readonly #open: OpenCalls
  readonly #streams = new Set<Call>()

  constructor(parts: McpStageParts) {
    this.#parts = parts
    this.#bodies = new McpBodies(parts)
    this.#open = new OpenCalls(parts.hash)
  }

  /** Bytes of the bodies that are held now. */
  get heldBytes(): number {
    return this.#bodies.heldBytes
  }

  /** Calls `done` once the body is there and read, unless the caller leaves before. */
  read(call: Call, done: (way: Way) => void): void {
    const { caller, body } = call
    const { method } = caller.request
    // Streamable HTTP has no upgrade, and nobody could see what is called in one.
    if (caller.protocol !== undefined) return done(bad('an MCP server is not reached by an upgrade'))
    // A body is read whatever the method: some servers do not look at that.
    if (body.kind !== 'none') {
      this.#bodies.read(call, (read) => {
        if (read.kind === 'read') this.#follow(call, read.body, read.headers, done)
        else done(read)
      })
    } else if (method === 'GET') this.#resume(call, done)
    else done(this.#beside(call, method === 'DELETE' ? 'DELETE' : 'other', MESSAGE))
  }

  /** Streams have no end of their own: their clients come back, to the next process. */
  endStreams(): void {
    for (const { caller } of this.#streams) caller.cut()
  }

  #keep(call: Call): void {
    this.#streams.add(call)
    call.whenClosed(() => this.#streams.delete(call))
  }

  #follow(call: Call, body: McpBody, headers: McpHeaders, done: (way: Way) => void): void {
    switch (body.kind) {
      case 'problem':
        return done(bad(body.what))
      case 'call':
        return done(this.#call(call, body.call, headers))
      case 'batch':
        return done(this.#batch(call, body.messages, headers))
      case 'request':
      case 'notification':
      case 'response':
      case 'opaque': {
        if (call.caller.request.method === 'GET') return this.#resume(call, done)
        const cancels = body.kind === 'notification' ? body.cancels : undefined
        // The server need not hear of a call that waited, nor of its end.
        if (cancels !== undefined && this.#cancel(call, cancels) === 'dequeued') {
          this.#count(call.tool, 'notifications/cancelled')
          call.isBeside = true
          return done(ACCEPTED)
        }
        const isStream = body.kind === 'request' && body.opensStream
        return done(this.#beside(call, labelOf(body), isStream ? STREAM : MESSAGE))
      }
      default:
        body satisfies never
    }
  }

  #call(call: Call, toolCall: ToolCall, headers: McpHeaders): Way {
    const callerKey = this.#open.callerKey(call.caller, call.tool)
    takeLane(call, this.#parts.tools.mcpLane(call.tool, toolCall.name))
    const answer = answerIn(call, call.tool, [{ kind: 'call', call: toolCall }], { headers, isBatch: false })
    const { closingCancels } = revisionOf(headers)
    call.mcp = new McpCall(call, { answer, idKeys: [toolCall.idKey], closingCancels }, this.#parts.clock)
    this.#count(call.tool, 'tools/call')
    this.#register(call, call.mcp, callerKey, [toolCall.idKey])
    return { kind: 'lane' }
  }

  #batch(call: Call, messages: readonly McpMessage[], headers: McpHeaders): Way {
    const server = call.tool
    for (const message of messages) {
      if (message.kind === 'notification' && message.cancels !== undefined)
        this.#cancel(call, message.cancels)
    }
    const [first, ...rest] = messages.flatMap((message) => (message.kind === 'call' ? [message.call] : []))
    if (first === undefined) return this.#beside(call, 'batch', MESSAGE)
    this.#count(server, 'batch')
    const laneOf = ({ name }: ToolCall): Tool => this.#parts.tools.mcpLane(server, name)
    const tools = [laneOf(first), ...rest.map(laneOf)] as const
    for (const tool of tools) this.#count(tool, 'tools/call')
    const answerOf = (tool: Tool): McpAnswer => answerIn(call, tool, messages, { headers, isBatch: true })
    const callerKey = this.#open.callerKey(call.caller, server)
    const idKeys = [first, ...rest].map(({ idKey }) => idKey)
    const register = (mcp: McpCall): void => this.#register(call, mcp, callerKey, idKeys)
    return { kind: 'batch', batch: { calls: [first, ...rest], tools, answerOf, register } }
  }

  #register(call: Call, mcp: McpCall, callerKey: string, idKeys: readonly string[]): void {
    const forget = idKeys.map((idKey) => this.#open.add(callerKey, idKey, call))
    mcp.whenOver(() => forget.forEach((each) => each()))
  }

  /** Ends the call of this id, which the same caller made. `dequeued`: the server has not heard of it, and never will. */
  #cancel({ caller, tool }: Call, idKey: string): 'dequeued' | 'running' | 'over' {
    const target = this.#open.only(this.#open.callerKey(caller, tool), idKey)
    if (target === undefined) return 'over'
    if (target.state.kind !== 'waiting') return target.mcp?.cancelRunning() ?? 'over'
    if (!target.state.leave()) return 'over'
    // Its caller is still there, and expects no answer to it. An error in writing to that caller ends that call.
    target.try(() => this.#parts.replies.accept(target))
    return 'dequeued'
  }

  /**
   * A stream of the server. With `Last-Event-ID` its caller goes on with one that it lost: the server takes that only once
   * the lost one is closed, which Spillway kept open for it; and the answers to calls that still run come here.
   */
  #resume(call: Call, done: (way: Way) => void): void {
    const { caller, tool } = call
    const isResumed = headerValue(caller.request.rawHeaders, 'last-event-id') !== undefined
    const adrift = isResumed ? this.#open.adrift(this.#open.callerKey(caller, tool)) : []
    if (adrift.length === 0) return done(this.#beside(call, 'GET', STREAM))
    const watches = adrift.flatMap(({ mcp }) => mcp?.resume() ?? [])
    const observer: AnswerObserver = {
      head: (status, headers) => watches.forEach((each) => each.head(status, headers)),
      chunk: (bytes, elapsedMs) => watches.forEach((each) => each.chunk(bytes, elapsedMs)),
    }
    const goOn = call.contained(() => done(this.#beside(call, 'GET', { ...STREAM, observer })))
    // A caller that leaves meanwhile is no call of a lane that was cancelled.
    call.isBeside = true
    const timer = this.#parts.clock.after(CLOSED_MS, goOn)
    call.whenClosed(() => timer.clear())
  }

  #beside(call: Call, method: MethodLabel, way: Beside): Way {
    this.#count(call.tool, method)
    if (!this.#parts.drain.isDraining || ENDS_CALLS.test(method)) {
      if (way.traffic === 'streams') this.#keep(call)
      return way
    }
    const retryAfterMs = this.#parts.replies.untilReplacedMs(call.tool)
    return { kind: 'refused', refusal: { reason: 'DRAINING', retryAfterMs } }
  }

  #count({ tool }: Tool, method: MethodLabel): void {
    this.#parts.events.emit(tool, { kind: 'mcp', method })
  }
}

/** The form in which the lane of `tool` refuses the messages of one request. */
function answerIn(
  { caller }: Call,
  { settings }: Tool,
  messages: readonly McpMessage[],
  { headers, isBatch }: { readonly headers: McpHeaders; readonly isBatch: boolean },
): McpAnswer {
  const overload = settings.mcp?.overload ?? 'tool_result'
  const accept = headerValue(caller.request.rawHeaders, 'accept')
  return answerForm({ overload, messages, isBatch, headers, accept })
}

function bad(detail: string): Way {
  return { kind: 'refused', refusal: { reason: 'BAD_REQUEST', detail } }
}
