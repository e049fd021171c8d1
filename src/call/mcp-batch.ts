/**
 * The leases for a batch of calls (MCP 2025-03-26): all of them at once, or none. A batch never waits, since one that
 * held some leases while it waited for others would keep them from calls that could run.
 */
import { LeaseSlot } from '../gate/slot.ts'
import type { Lease } from '../lane/lease.ts'
import type { Reason } from '../lane/reason.ts'
import type { Routed, Told } from './routed.ts'
import type { Clock } from '../time/clock.ts'

export type Leases =
  | {
      readonly kind: 'all'
      readonly first: { readonly want: Routed; readonly lease: Lease }
      /** In the order of the other wants. */
      readonly others: readonly LeaseSlot[]
    }
  | { readonly kind: 'refused'; readonly want: Routed; readonly reason: Reason; readonly told: Told }

interface Around {
  readonly clock: Clock
  readonly isDraining: () => boolean
}

/** `wants`: at least one; each call in its lane. */
export function leaseAll(wants: readonly Routed[], { clock, isDraining }: Around): Leases {
  const leases: Leased[] = []
  for (const want of wants) {
    const refused = isDraining() ? { reason: 'DRAINING' as const, told: {} } : tooLarge(want)
    const taken = refused ?? takeOrUndo(want, clock.nowMs(), leases)
    if ('lease' in taken) {
      leases.push({ want, lease: taken.lease })
      continue
    }
    undo(leases)
    return { kind: 'refused', want, ...taken }
  }
  const [first, ...rest] = leases
  if (first === undefined) throw new Error('a batch without calls was to be leased')
  return { kind: 'all', first, others: rest.map(({ want, lease }) => new LeaseSlot(want.tool.gate, lease)) }
}

interface Leased {
  readonly want: Routed
  readonly lease: Lease
}

function undo(leases: readonly Leased[]): void {
  for (const { want, lease } of leases)
    want.tool.gate.settle(lease, { cause: 'cancelled', verdict: 'ignored' })
}

/** An error of ours leaves nothing leased, either. */
function takeOrUndo(want: Routed, nowMs: number, before: readonly Leased[]): Taken {
  try {
    return take(want, nowMs)
  } catch (error) {
    undo(before)
    throw error
  }
}

type Taken = { readonly lease: Lease } | { readonly reason: Reason; readonly told: Told }

/** Asks only where the answer is a lease or a refusal: a newcomer that is queued may put out another. */
function take({ tool, priority }: Routed, nowMs: number): Taken {
  const { gate } = tool
  const told = { detail: 'a batch runs at once or not at all; single calls may wait' }
  const { door } = gate.lane
  const newcomer = { priority, agent: '', ttlMs: tool.settings.lane.ttlMs }
  if (!door.takesAtOnce(nowMs) && door.whyNot(newcomer, nowMs) === undefined)
    return { reason: 'QUEUE_SATURATED', told }
  const entry = gate.enter({ priority })
  if (entry.kind === 'granted') return { lease: entry.lease }
  if (entry.kind === 'refused') {
    const { reason, retryAfterMs } = entry.refusal
    return { reason, told: { ...told, retryAfterMs } }
  }
  if (entry.kind === 'closed') return { reason: 'DRAINING', told: {} }
  entry.leave()
  return { reason: 'QUEUE_SATURATED', told }
}

function tooLarge({ tool, bodyBytes = 0 }: Routed) {
  return bodyBytes > tool.settings.maxBodyBytes ? { reason: 'BODY_TOO_LARGE' as const, told: {} } : undefined
}
