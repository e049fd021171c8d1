/**
 * The leases for a batch of calls (MCP 2025-03-26): all of them at once, or none. A batch never waits, since one that
 * held some leases while it waited for others would keep them from calls that could run.
 */
import { enterAll } from '../gate/gate.ts'
import type { LeaseHandle } from '../gate/lease-handle.ts'
import type { Reason } from '../lane/reason.ts'
import type { Routed, Told } from './routed.ts'

export type Leases =
  | {
      readonly kind: 'all'
      readonly first: { readonly want: Routed; readonly lease: LeaseHandle }
      /** In the order of the other wants. */
      readonly others: readonly LeaseHandle[]
    }
  | { readonly kind: 'refused'; readonly want: Routed; readonly reason: Reason; readonly told: Told }

/** `wants`: at least one; each call in its lane. */
export function leaseAll(wants: readonly Routed[], { isDraining }: { isDraining: () => boolean }): Leases {
  const [first] = wants
  if (first === undefined) throw new Error('a batch without calls was to be leased')
  if (isDraining()) return { kind: 'refused', want: first, reason: 'DRAINING', told: {} }
  const tooLarge = wants.find(({ tool, bodyBytes = 0 }) => bodyBytes > tool.settings.maxBodyBytes)
  if (tooLarge !== undefined) return { kind: 'refused', want: tooLarge, reason: 'BODY_TOO_LARGE', told: {} }
  const entered = enterAll(wants.map(({ tool, priority }) => ({ gate: tool.gate, want: { priority } })))
  if (entered.kind === 'refused') {
    const { reason, retryAfterMs } = entered.refusal
    const told = { detail: 'a batch runs at once or not at all; single calls may wait', retryAfterMs }
    return { kind: 'refused', want: wants[entered.index] as Routed, reason, told }
  }
  const [lease, ...others] = entered.leases
  return { kind: 'all', first: { want: first, lease: lease as LeaseHandle }, others }
}
