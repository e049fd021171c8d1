/**
 * One request that is for a tool, on its way through the lane: what routing found out about it, and how it is answered
 * in the tool's place. The exchange that forwarding sees.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Gate } from './gate/gate.ts'
import { LeaseSlot } from './gate/slot.ts'
import type { Lease } from './lane/lease.ts'
import type { Priority } from './lane/priority.ts'
import type { Outcome, Reason, RetryResult } from './lane/reason.ts'
import type { Call } from './listen/server.ts'
import type { McpCall } from './mcp/call.ts'
import type { RequestEvent } from './observe/events.ts'
import { isReplayable } from './retries.ts'
import type { Retries } from './retries.ts'
import type { Target } from './route/target.ts'
import type { Tool } from './tools.ts'
import type { Exchange, Slot, Upgrade, Watch } from './upstream/exchange.ts'
import { toTool } from './upstream/headers.ts'
import { Upload } from './upstream/upload.ts'

/** What the pipeline knows of a request once it has its tool. */
export interface Routed {
  readonly call: Call
  readonly requestId: string
  readonly tool: Tool
  /** The class that the lane gives it. */
  readonly priority: Priority
  readonly target: Target
  /** For the tool: base path, the rest of the caller's path, query. */
  readonly path: string
  readonly hasBody: boolean
  /** Bytes of the body, as declared or as read; undefined while nobody knows. */
  readonly bodyBytes: number | undefined
  /** Opened while the request waited; else the passage opens it. */
  readonly earlyUpload: Upload | undefined
  /** The body, when it was read before the lane was asked. */
  readonly body?: Buffer | undefined
  /** Set for calls of an MCP server's tools. */
  readonly mcp?: McpCall | undefined
  /** Sees the answer as it passes; calls bring their own. */
  readonly watch?: Watch | undefined
  /** Milliseconds on the clock when the lane was asked. */
  readonly askedAtMs: number
  /** Set when the tool has failed this request before. */
  readonly again?: Again | undefined
}

/** A request that is tried once more. */
export interface Again {
  /** Tries before this one, from 1. */
  readonly tries: number
  /** Gives the caller what came of the try before, when this one is not let in. */
  readonly otherwise: () => void
}

/** Bytes of a body that may be between caller and tool while both go on. */
const STREAM_BYTES = 65_536
/** Bytes of a body that is kept to be sent once more: what agents ask tools for is short. */
const KEPT_BYTES = 65_536

/** `bufferBytes`: how much of the body may be held here. */
export function uploadOf(routed: Routed, bufferBytes: number): Upload {
  const { maxBodyBytes: maxBytes } = routed.tool.settings
  const keepBytes = isReplayable(routed) ? KEPT_BYTES : 0
  return new Upload(routed.call.request, { maxBytes, bufferBytes, keepBytes })
}

/** What more a refusal tells. */
export interface Told {
  /** For people; a sentence without secrets. */
  readonly detail?: string
  /** Milliseconds; told with 429 and 503 only. */
  readonly retryAfterMs?: number
}

/** What a passage needs of the pipeline. */
export interface Passing {
  readonly nowMs: () => number
  readonly emit: (tool: string, event: RequestEvent) => void
  readonly refuse: (routed: Routed, reason: Reason, queuedMs: number) => void
  readonly linger: (request: IncomingMessage) => void
  readonly retries: Retries
}

export class Passage implements Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly upgrade: Upgrade | undefined
  readonly tool: string
  readonly path: string
  readonly headers: string[]
  readonly upload: Upload | undefined
  readonly body: Buffer | undefined
  readonly watch: Watch | undefined
  readonly queuedMs: number
  readonly slot: Slot
  readonly #routed: Routed
  readonly #passing: Passing
  #isTold = false

  /** `gate`: the one that granted the lease. */
  constructor(routed: Routed, lease: Lease, passing: Passing, gate: Gate = routed.tool.gate) {
    const { call, tool, target, requestId } = routed
    const { settings } = tool
    this.#routed = routed
    this.#passing = passing
    this.request = call.request
    this.response = call.response
    this.upgrade = call.upgrade
    this.tool = tool.tool
    this.path = routed.path
    this.headers = toTool(call.request.rawHeaders, {
      host: settings.keepHost && target.hostHeader !== '' ? target.hostHeader : settings.upstream.host,
      callerHost: target.hostHeader,
      peer: call.request.socket.remoteAddress ?? 'unknown',
      requestId,
    })
    this.body = routed.body
    const isStreamed = routed.hasBody && routed.body === undefined
    this.upload = routed.earlyUpload ?? (isStreamed ? uploadOf(routed, STREAM_BYTES) : undefined)
    this.queuedMs = lease.waitedMs
    const slot = new LeaseSlot(gate, lease)
    const watch = routed.mcp?.run(slot, call.response)
    this.watch = watch ?? routed.watch
    this.slot = watch ?? slot
  }

  /** Asked for when the caller has gone. */
  get onClientGone(): 'cancel' | 'finish' {
    return this.#routed.mcp?.onClientGone ?? this.#routed.tool.settings.onClientGone
  }

  nowMs(): number {
    return this.#passing.nowMs()
  }

  mayRetry(status: number): boolean {
    return this.#passing.retries.may(this.#routed, status) && this.#canSendAgain()
  }

  retry(otherwise: () => void): void {
    const { body } = this
    this.#passing.retries.again(
      { ...this.#routed, body: body ?? this.upload?.whole(), earlyUpload: undefined },
      otherwise,
    )
  }

  refuse(reason: Reason): void {
    this.#tellRetry('failed')
    const refuse = () => this.#passing.refuse(this.#routed, reason, this.queuedMs)
    if (reason !== 'UPSTREAM_UNREACHABLE') return refuse()
    // That the tool was not called is not true of a request that it has answered before: its caller gets that answer.
    const otherwise = this.#routed.again?.otherwise ?? refuse
    if (this.#passing.retries.may(this.#routed, 'connect') && this.#canSendAgain()) this.retry(otherwise)
    else otherwise()
  }

  linger(): void {
    this.#passing.linger(this.request)
  }

  answered(status: number, firstByteMs: number): void {
    this.#passing.emit(this.tool, { kind: 'answered', status, firstByteMs })
    this.#tellRetry(this.#routed.tool.settings.retries.on.includes(status) ? 'failed' : 'succeeded')
  }

  finished(outcome: Outcome, durationMs: number): void {
    this.#tellRetry('cancelled')
    this.#passing.emit(this.tool, { kind: 'finished', outcome, durationMs })
  }

  #canSendAgain(): boolean {
    return this.upload === undefined || this.upload.whole() !== undefined
  }

  /** What became of another try; the first that is told counts. */
  #tellRetry(result: RetryResult): void {
    if (this.#routed.again === undefined || this.#isTold) return
    this.#isTold = true
    this.#passing.emit(this.tool, { kind: 'retried', result })
  }
}
