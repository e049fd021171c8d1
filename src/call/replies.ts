/**
 * Spillway's own answers, in the tool's place: reply/ makes the bytes, this file says when a connection ends after one
 * and tells the events. Must not know why a call is refused.
 */
import type { Priority } from '../lane/priority.ts'
import type { Fault, Reason } from '../lane/reason.ts'
import { untilReplacedMs } from '../lane/retry-after.ts'
import type { Caller } from '../listen/caller.ts'
import type { Drain } from '../listen/drain.ts'
import { NO_TOOL } from '../observe/events.ts'
import type { Events, RequestEvent } from '../observe/events.ts'
import type { Answer } from '../reply/answer.ts'
import { lastRefusal } from '../reply/last-answer.ts'
import { lastHop } from '../reply/last-hop.ts'
import { accepted } from '../reply/notice.ts'
import { refuseMcp } from '../reply/refuse-mcp.ts'
import type { McpAnswer } from '../reply/refuse-mcp.ts'
import { refuse } from '../reply/refuse.ts'
import type { Tool } from '../tools/tool.ts'
import { abandonBody } from './body.ts'
import type { Call } from './call.ts'
import { newRequestId } from './identifiers.ts'

export interface RepliesParts {
  readonly events: Events
  readonly drain: Drain
  /** 0 <= n < 1. */
  readonly random: () => number
}

/** What a refusal says beside its reason. */
export interface RefusalDetails {
  /** For people; a sentence without secrets. */
  readonly detail?: string | undefined
  /** Milliseconds; told with 429 and 503 only. */
  readonly retryAfterMs?: number | undefined
  /** Milliseconds spent in the queue. */
  readonly queuedMs?: number | undefined
  /** For the reasons that do not imply it. */
  readonly notExecuted?: boolean | undefined
  /** What went wrong on the way to the tool: the caller is told the cause, and no more. */
  readonly fault?: Fault | undefined
}

/** A refusal as data. */
export interface CallRefusal extends RefusalDetails {
  readonly reason: Reason
}

/** The refused request. `tool` and the fields after it are undefined where no tool takes the request. */
interface Asker {
  readonly caller: Caller
  readonly requestId: string
  readonly tool?: Tool | undefined
  readonly priority?: Priority | undefined
  readonly mcp?: { readonly answer: McpAnswer } | undefined
}

/** The connection is closed after these: another one needs its place, or the rest of the body is not waited for. */
const ENDS_CONNECTION: ReadonlySet<Reason> = new Set<Reason>(['PROXY_OVERLOADED', 'REQUEST_TIMEOUT'])

export class Replies {
  readonly #parts: RepliesParts

  constructor(parts: RepliesParts) {
    this.#parts = parts
  }

  refuse(call: Call, refusal: CallRefusal): void {
    abandonBody(call)
    this.#refuse(call, refusal)
    call.endRefused()
  }

  /** A request that no tool takes. */
  refuseUnrouted(caller: Caller, requestId: string, refusal: CallRefusal): void {
    this.#refuse({ caller, requestId }, refusal)
  }

  /** The answer of a server without resources of its own, to a request that may be passed on no further. */
  endHere(caller: Caller): void {
    this.#give(caller, lastHop(caller.request.method ?? ''), false)
    this.#finished(undefined, 'completed')
  }

  /** The whole answer, as text, to a request that Node's parser could not read; the connection is closed after it. */
  malformed(reason: Reason, detail: string): string {
    this.#told(undefined, { reason, priority: 'normal', retryAfterMs: undefined, depths: undefined })
    return lastRefusal({ reason, requestId: newRequestId(), detail })
  }

  /** Ends a message that asks for no answer, or a call that such a message cancelled. */
  accept(call: Call): void {
    if (!call.caller.isGone) this.#give(call.caller, accepted(), false)
    call.end('cancelled', undefined)
  }

  /** Tells an error of Spillway's own. */
  broke({ tool, requestId }: Omit<Asker, 'caller'>, error: unknown): void {
    this.#parts.events.broke(tool?.tool ?? NO_TOOL, requestId, error)
  }

  /** Ends an exchange after such an error: with an answer where no head has gone out, else its caller sees it cut. */
  breakOff(asker: Asker, notExecuted: boolean): void {
    const { caller, tool } = asker
    if (caller.answered === 'none') return this.#refuse(asker, { reason: 'INTERNAL', notExecuted })
    // The answer had gone out whole: the error does not concern the caller.
    if (caller.answered === 'whole') return
    caller.cut()
    this.#finished(tool, 'broken')
  }

  /** Milliseconds: nobody knows when the next process is up, so the callers are only spread. */
  untilReplacedMs(tool: Tool): number {
    return untilReplacedMs(tool.settings.lane.retryAfter, this.#parts.random())
  }

  #refuse({ caller, requestId, tool, priority = 'normal', mcp }: Asker, refusal: CallRefusal): void {
    const { reason, fault } = refusal
    const depths = tool?.gate.lane.depths()
    const lane = tool &&
      depths && {
        tool: tool.tool,
        maxQueueDepth: tool.settings.lane.maxQueueDepth,
        fallbackTools: tool.settings.fallbackTools,
        depths,
      }
    const facts = { ...refusal, requestId, priority, lane, cause: fault?.cause }
    const reply = mcp === undefined ? refuse(facts) : refuseMcp(facts, mcp.answer)
    this.#give(caller, reply, this.#parts.drain.isDraining || ENDS_CONNECTION.has(reason))
    this.#told(tool, { reason, priority, retryAfterMs: reply.retryAfterMs, depths, fault })
  }

  #told(tool: Tool | undefined, replied: Omit<Extract<RequestEvent, { kind: 'replied' }>, 'kind'>): void {
    this.#parts.events.emit(tool?.tool ?? NO_TOOL, { kind: 'replied', ...replied })
    this.#finished(tool, 'refused')
  }

  #give(caller: Caller, { status, headers, body }: Answer, isLast: boolean): void {
    caller.head({ status, headers, isLast })
    caller.end(body)
  }

  #finished(tool: Tool | undefined, outcome: 'completed' | 'refused' | 'broken'): void {
    this.#parts.events.emit(tool?.tool ?? NO_TOOL, { kind: 'finished', outcome, durationMs: undefined })
  }
}
