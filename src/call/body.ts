/**
 * The body of a call on its way to the tool, kept where the request may be sent once more. Decides nothing about when it
 * is read.
 */
import { headerValue } from '../upstream/headers.ts'
import { framingOf, Upload } from '../upstream/upload.ts'
import type { Clock } from '../time/clock.ts'
import type { Call } from './call.ts'
import type { Body } from './call-state.ts'

/** RFC 9110, 9.2.2; TRACE takes no part. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])
/** Bytes of a body that may be between caller and tool while both go on. */
export const STREAM_BYTES = 65_536
/** Bytes of a body that is kept to be sent once more: what agents ask tools for is short. */
const KEPT_BYTES = 65_536

/** Of a request whose head has come. */
export function bodyOf(rawHeaders: readonly string[]): Body {
  const { hasBody, declaredBytes } = framingOf(rawHeaders)
  return hasBody ? { kind: 'unread', bytes: declaredBytes } : NO_BODY
}

export const NO_BODY: Body = Object.freeze({ kind: 'none' })

/** Bytes, as declared or as read; undefined while nobody knows. */
export function bytesOf(body: Body): number | undefined {
  if (body.kind === 'none') return 0
  return body.kind === 'whole' ? body.content.length : body.bytes
}

/** The caller has not sent all of it. */
export function isToCome({ body, caller }: Call): boolean {
  return body.kind === 'unread' && !caller.request.complete
}

/** `bufferBytes`: how much of the body may be held here. */
export function openUpload(call: Call, bufferBytes: number, clock: Clock): Upload {
  const { maxBodyBytes: maxBytes } = call.tool.settings
  const mayGoAgain = isReplayable(call) || (call.caller.protocol === undefined && hasIdempotentMethod(call))
  const bounds = { maxBytes, bufferBytes, keepBytes: mayGoAgain ? KEPT_BYTES : 0 }
  const fail = (error: unknown): void => call.fail(error)
  return new Upload(call.caller.request, bounds, { clock, fail })
}

/**
 * No attempt will read the body. Called before the answer, so that the rest of the body is dropped and the answer need not
 * wait for a reader.
 */
export function abandonBody({ body }: Call): void {
  if (body.kind === 'streamed') body.upload.abandon()
}

export function hasIdempotentMethod({ caller: { request } }: Call): boolean {
  return IDEMPOTENT.has(request.method ?? '')
}

/** The tool may get it twice: its method says so, or the caller does, with a key by which the tool knows it again. */
export function isReplayable(call: Call): boolean {
  const { retries, mcp } = call.tool.settings
  if (retries.max === 0 || call.caller.protocol !== undefined || mcp !== undefined) return false
  // A key that is empty is none: the tool could not know the call again by it.
  const key = headerValue(call.caller.request.rawHeaders, 'idempotency-key') ?? ''
  return hasIdempotentMethod(call) || key !== ''
}
