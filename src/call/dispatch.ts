/**
 * Sends a call that has its lease to its tool. Path, headers and connections are computed together, at this moment: a
 * reload while the call waited may have changed all three.
 */
import type { LeaseHandle } from '../gate/lease-handle.ts'
import { NOT_USED } from '../lane/lease.ts'
import type { Clock } from '../time/clock.ts'
import type { AnswerObserver, AttemptLease, UpstreamRequest } from '../upstream/attempt.ts'
import { Forwarding } from '../upstream/forward.ts'
import { hopsLeft, requestHeaders } from '../upstream/headers.ts'
import { hasIdempotentMethod, isReplayable, openUpload, STREAM_BYTES } from './body.ts'
import type { Call } from './call.ts'
import type { Work } from './call-state.ts'

type Forwarded = Extract<Work, { kind: 'forward' }>

interface Granted {
  readonly lease: LeaseHandle
  /** Observes the answer of a call that has no observer of its own. */
  readonly observer?: AnswerObserver | undefined
}

export function dispatch(call: Call, work: Forwarded, { lease, observer }: Granted, clock: Clock): void {
  const { caller, mcp, tool } = call
  let held: AttemptLease = lease
  let forwarding: Forwarding
  try {
    const answers = mcp?.run(lease)
    held = answers ?? lease
    const request = requestOf(call, work, lease.waitedMs, clock)
    forwarding = new Forwarding(tool.pool, {
      request,
      lease: held,
      caller,
      observer: answers ?? observer,
      owner: call,
      clock,
    })
  } catch (error) {
    // Only an attempt ends the leases of its call, and there is none.
    held.settle(NOT_USED)
    throw error
  }
  call.move({ kind: 'running', attempt: forwarding })
  // The body is asked for only now that it has somewhere to go.
  caller.proceed()
  forwarding.start()
}

/** The call was over when its lease came: its caller had left, or an error had ended it. */
export function abandonLease(call: Call, lease: LeaseHandle): void {
  const all = call.mcp?.run(lease) ?? lease
  all.settle(NOT_USED)
  call.end('cancelled', 0)
}

function requestOf(call: Call, { target, rest }: Forwarded, queuedMs: number, clock: Clock): UpstreamRequest {
  const { caller, tool, requestId } = call
  const { request, peer, protocol } = caller
  const { upstream, stripPath, keepHost, retries } = tool.settings
  openBody(call, clock)
  const { body } = call
  const mayRetry = (call.earlier?.tries ?? 0) < retries.max && isReplayable(call)
  return {
    method: request.method ?? 'GET',
    path: upstream.basePath + (stripPath ? rest : target.path) + target.query,
    headers: requestHeaders(request.rawHeaders, {
      host: keepHost && target.hostHeader !== '' ? target.hostHeader : upstream.host,
      callerHost: target.hostHeader,
      peer,
      requestId,
      httpVersion: request.httpVersion,
      hops: hopsLeft(request.method, request.rawHeaders),
    }),
    httpVersion: request.httpVersion,
    protocol,
    upload: body.kind === 'streamed' ? body.upload : undefined,
    body: body.kind === 'whole' ? body.content : undefined,
    isIdempotent: hasIdempotentMethod(call),
    heldStatuses: mayRetry ? retries.on : [],
    tool: tool.tool,
    queuedMs,
  }
}

/** Opens the stream of a body that is still with the caller. */
function openBody(call: Call, clock: Clock): void {
  const { body } = call
  if (body.kind !== 'unread') return
  call.body = { kind: 'streamed', upload: openUpload(call, STREAM_BYTES, clock), bytes: body.bytes }
}
