/**
 * How a call begins: a request that routing found a tool for, or a worker that asks for a lease. A request that no tool
 * takes is answered here. A shutdown waits from here on until the exchange is over.
 */
import { priorityIn } from '../lane/priority.ts'
import type { Caller } from '../listen/caller.ts'
import type { LeaseRequest } from '../listen/lease-request.ts'
import type { Tool } from '../tools/tool.ts'
import { headerValue } from '../upstream/headers.ts'
import { NO_BODY } from './body.ts'
import { Call } from './call.ts'
import type { CallParts } from './call-state.ts'
import { newRequestId } from './identifiers.ts'
import { routeOf } from './route.ts'

const WELL_FORMED_ID = /^[A-Za-z0-9._~:@+/=-]{1,128}$/

/** Undefined for a request that was answered. */
export function arrivalOf(caller: Caller, parts: CallParts): Call | undefined {
  const { drain, replies, tools } = parts
  const said = headerValue(caller.request.rawHeaders, 'x-request-id')
  const requestId = said !== undefined && WELL_FORMED_ID.test(said) ? said : newRequestId()
  drain.enter()
  try {
    const routed = routeOf(caller.request, tools.router)
    if (routed.kind === 'tool') {
      const { tool, priority, work, body } = routed
      return new Call({ caller, requestId, tool, priority, work, body }, parts)
    }
    listenUnrouted(caller, requestId, parts)
    if (routed.kind === 'refused') replies.refuseUnrouted(caller, requestId, routed.refusal)
    else replies.endHere(caller)
  } catch (error) {
    listenUnrouted(caller, requestId, parts)
    replies.broke({ requestId }, error)
    replies.breakOff({ caller, requestId }, true)
  }
  return undefined
}

export function leaseCallOf(caller: Caller, tool: Tool, wanted: LeaseRequest, parts: CallParts): Call {
  parts.drain.enter()
  const priority = priorityIn(tool.settings.lane.priority, wanted.priority)
  const work = { kind: 'hold', wanted } as const
  return new Call({ caller, requestId: newRequestId(), tool, priority, work, body: NO_BODY }, parts)
}

function listenUnrouted(caller: Caller, requestId: string, { drain, replies }: CallParts): void {
  caller.listen({
    closed: () => drain.leave(),
    failed: (error) => {
      replies.broke({ requestId }, error)
      caller.cut()
    },
  })
}
