/**
 * What a call asks of its lane: how long it waits, in which class, and who calls.
 */
import type { Asked } from '../gate/gate.ts'
import { agentKey } from '../route/agent.ts'
import { callerTtlMs } from '../route/deadline.ts'
import { headerValue } from '../upstream/headers.ts'
import type { Call } from './call.ts'

/** `hash` makes a key that cannot be turned back. */
export function wantOf(call: Call, nowMs: number, hash: (text: string) => string): Asked {
  const { work, priority } = call
  const agentOf = (): string | undefined => agentOfCall(call, hash)
  if (work.kind === 'forward') return { priority, ttlMs: ttlMs(call, nowMs), agentOf }
  return { priority, ttlMs: work.wanted.waitMs, leaseMs: work.wanted.leaseMs, agentOf }
}

/** Milliseconds that are left of the time that the caller will wait by its own word. */
function ttlMs({ caller, arrivedAtMs }: Call, nowMs: number): number | undefined {
  const saidMs = callerTtlMs((name) => headerValue(caller.request.rawHeaders, name))
  return saidMs === undefined ? undefined : Math.max(1, saidMs - (nowMs - arrivedAtMs))
}

function agentOfCall({ work, caller, tool }: Call, hash: (text: string) => string): string | undefined {
  const by = tool.settings.agentHeader
  const header = (name: string): string | undefined => {
    if (work.kind === 'forward') return headerValue(caller.request.rawHeaders, name)
    return name === by ? work.wanted.agent : undefined
  }
  return agentKey(by, { header, peer: caller.peer }, hash)
}
