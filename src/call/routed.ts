/**
 * One request that is for a tool: what routing found out about it, before a lane was asked and while it waits; and its
 * body on the way, kept where the request may be sent once more. Decides nothing about when.
 */
import type { Containment } from './containment.ts'
import type { Priority } from '../lane/priority.ts'
import type { Fault } from '../lane/reason.ts'
import type { Call } from '../listen/server.ts'
import type { McpCall } from './mcp-call.ts'
import type { Target } from '../route/target.ts'
import type { Clock } from '../time/clock.ts'
import type { Tool } from '../tools/tools.ts'
import type { Watch } from '../upstream/exchange.ts'
import { headerValue } from '../upstream/headers.ts'
import { Upload } from '../upstream/upload.ts'

/** RFC 9110, 9.2.2; TRACE takes no part. */
export const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])
/** What the pipeline knows of a request once it has its tool. */
export interface Routed {
  readonly call: Call
  /** Every callback for this call goes through it. */
  readonly containment: Containment
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
  /** Opened before the lane was asked, or while the request waits; else the passage opens it. */
  readonly earlyUpload: Upload | undefined
  /** The body, when it was read before the lane was asked. */
  readonly body?: Buffer | undefined
  /** Set for calls of an MCP server's tools. */
  readonly mcp?: McpCall | undefined
  /** Sees the answer as it passes; calls bring their own. */
  readonly watch?: Watch | undefined
  /** Milliseconds on the clock when the request came. */
  readonly askedAtMs: number
  /** Milliseconds on the clock when the body was there and the lane was asked; undefined where the two are one. */
  readonly enteredAtMs?: number | undefined
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
export const STREAM_BYTES = 65_536
/** Bytes of a body that is kept to be sent once more: what agents ask tools for is short. */
const KEPT_BYTES = 65_536

/** `bufferBytes`: how much of the body may be held here. */
export function uploadOf(routed: Routed, bufferBytes: number, clock: Clock): Upload {
  const { maxBodyBytes: maxBytes } = routed.tool.settings
  const keepBytes = isReplayable(routed) || isIdempotent(routed) ? KEPT_BYTES : 0
  const { call, containment } = routed
  const fail = (error: unknown): void => containment.fail(error)
  return new Upload(call.request, { maxBytes, bufferBytes, keepBytes }, { clock, fail })
}

/** What more a refusal tells. */
export interface Told {
  /** For people; a sentence without secrets. */
  readonly detail?: string
  /** Milliseconds; told with 429 and 503 only. */
  readonly retryAfterMs?: number
  /** Milliseconds spent in the queue. */
  readonly queuedMs?: number
  /** For the reasons of which it is not certain beforehand. */
  readonly notExecuted?: boolean | undefined
  /** What went wrong on the way to the tool. */
  readonly fault?: Fault | undefined
}

function isIdempotent({ call }: Routed): boolean {
  return call.upgrade === undefined && IDEMPOTENT.has(call.request.method ?? '')
}

/** The tool may get it twice: its method says so, or the caller does, with a key by which the tool knows it again. */
export function isReplayable({ call, tool }: Routed): boolean {
  if (tool.settings.retries.max === 0 || call.upgrade !== undefined || tool.settings.mcp !== undefined)
    return false
  const { method = '', rawHeaders } = call.request
  // A key that is empty is none: the tool could not know the call again by it.
  return IDEMPOTENT.has(method) || (headerValue(rawHeaders, 'idempotency-key') ?? '') !== ''
}
