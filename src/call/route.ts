/**
 * Where a request goes, by its head alone. A target that two parsers could interpret differently is refused.
 */
import type { Priority } from '../lane/priority.ts'
import { priorityIn } from '../lane/priority.ts'
import type { RequestHead } from '../listen/caller.ts'
import type { Router } from '../route/match.ts'
import { claimedPriority } from '../route/priority.ts'
import { parseTarget } from '../route/target.ts'
import type { Tool } from '../tools/tool.ts'
import { headerValue, headerValues, hopsLeft } from '../upstream/headers.ts'
import { bodyOf } from './body.ts'
import type { Call } from './call.ts'
import type { Body, Work } from './call-state.ts'
import type { CallRefusal } from './replies.ts'

export type Routed =
  | {
      readonly kind: 'tool'
      readonly tool: Tool
      readonly priority: Priority
      readonly work: Extract<Work, { kind: 'forward' }>
      readonly body: Body
    }
  | { readonly kind: 'refused'; readonly refusal: CallRefusal }
  /** OPTIONS or TRACE that may be passed on no further. */
  | { readonly kind: 'last hop' }

/** Paths named to a caller that no tool matched. */
const PATHS_NAMED = 10

export function routeOf(
  { method, url, rawHeaders, httpVersionMinor }: RequestHead,
  router: Router<Tool>,
): Routed {
  const parsed = parseTarget(url ?? '', headerValues(rawHeaders, 'host'), httpVersionMinor, method)
  if (parsed.kind === 'problem') return refused('BAD_REQUEST', parsed.what)
  if (hopsLeft(method, rawHeaders) === 0) return { kind: 'last hop' }
  const { target } = parsed
  const route = router.find(target)
  if (route.kind === 'ambiguous') return refused('BAD_REQUEST', route.what)
  if (route.kind === 'none') {
    const known = router.paths(PATHS_NAMED).join(', ') || 'none'
    return refused('NO_ROUTE', `known paths: ${known}`)
  }
  return {
    kind: 'tool',
    tool: route.to,
    priority: priorityOf(rawHeaders, route.to),
    work: { kind: 'forward', target, rest: route.rest },
    body: bodyOf(rawHeaders),
  }
}

/** The call goes into the lane of this tool, in the class that this lane gives it. */
export function takeLane(call: Call, tool: Tool): void {
  call.tool = tool
  call.priority = priorityOf(call.caller.request.rawHeaders, tool)
}

/** The caller's claim, as far as the lane allows it. */
export function priorityOf(rawHeaders: readonly string[], { settings }: Tool): Priority {
  const word = headerValue(rawHeaders, 'x-spillway-priority')
  return priorityIn(settings.lane.priority, claimedPriority(word, headerValues(rawHeaders, 'priority')))
}

function refused(reason: CallRefusal['reason'], detail: string): Routed {
  return { kind: 'refused', refusal: { reason, detail } }
}
