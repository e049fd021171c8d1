/**
 * One process in its fleet: one store, and for each tool a membership that caps the tool's lane at the slots that the store
 * gave. Passes on what the lanes, the configuration and the store say to the membership of their tool, and sums all of
 * them up for /readyz. Must not know lanes except through `LaneSide`.
 */
import type { FleetMode, ToolEvent } from '../observe/events.ts'
import type { Clock } from '../time/clock.ts'
import { Membership } from './membership.ts'
import type { LaneSide, MembershipStatus } from './membership.ts'
import type { OnStoreLoss } from './policy.ts'
import type { FleetStore, StoreOptions } from './store.ts'

export interface FleetOptions {
  readonly name: string
  readonly leaseTtlMs: number
  readonly onStoreLoss: OnStoreLoss
}

export interface FleetParts {
  readonly open: (options: StoreOptions) => FleetStore
  readonly clock: Clock
  /** Random: 0 <= n < 1. */
  readonly random: () => number
  /** Unlike any other process's; letters, digits, - and _. */
  readonly sidecar: string
  readonly tell: (tool: string, event: ToolEvent) => void
}

/** Milliseconds that a store may take to answer; never more than a third of the TTL, so that a renewal can be repeated. */
const ANSWER_WITHIN_MS = 1000
const WORST_FIRST: readonly FleetMode[] = ['lost', 'joining', 'learning', 'up']

export class Fleet {
  readonly #settings: FleetOptions
  readonly #parts: FleetParts
  readonly #store: FleetStore
  /** By tool: bounded by the configuration. */
  readonly #memberships = new Map<string, Membership>()

  constructor(settings: FleetOptions, parts: FleetParts) {
    const { name, leaseTtlMs } = settings
    this.#settings = settings
    this.#parts = parts
    this.#store = parts.open({
      fleet: name,
      sidecar: parts.sidecar,
      ttlMs: leaseTtlMs,
      answerWithinMs: Math.min(ANSWER_WITHIN_MS, leaseTtlMs / 3),
    })
    this.#store.listen((news) => this.#memberships.get(news.tool)?.heard(news))
  }

  /** From now on the lane runs at most as many calls as the fleet gave slots. */
  join(tool: string, cap: number, lane: LaneSide): void {
    const { leaseTtlMs: ttlMs, onStoreLoss } = this.#settings
    const { clock, random, tell } = this.#parts
    const membership = new Membership(
      { tool, cap, ttlMs, onStoreLoss },
      { store: this.#store, lane, clock, random, tell: (event) => tell(tool, event) },
    )
    this.#memberships.set(tool, membership)
  }

  /** The demand of the lane may have changed. */
  notice(tool: string): void {
    this.#memberships.get(tool)?.notice()
  }

  reconfigure(tool: string, cap: number): void {
    this.#memberships.get(tool)?.reconfigure(cap)
  }

  /** The lane goes, and its slots are free for other sidecars at once. */
  leave(tool: string): void {
    // close() never rejects, and nothing here depends on its end.
    void this.#memberships.get(tool)?.close()
    this.#memberships.delete(tool)
  }

  status(tool: string): MembershipStatus | undefined {
    return this.#memberships.get(tool)?.status()
  }

  /** More calls run than there are slots because slots were lost. Slots that are asked back as calls end do not count. */
  isBeyond(tool: string, active: number): boolean {
    const status = this.status(tool)
    return status !== undefined && active > Math.max(status.held, status.ceiling)
  }

  /** For /readyz. A process is not ready where every call would be refused, or where no lane has ever had a slot. */
  readiness() {
    const memberships = [...this.#memberships.values()].map((membership) => membership.status())
    const mode =
      WORST_FIRST.find((each) => memberships.some((membership) => membership.mode === each)) ?? 'joining'
    const { onStoreLoss, name } = this.#settings
    const isStarting = !memberships.some(({ hasServed }) => hasServed)
    const opensInMs = Math.max(0, ...memberships.map((membership) => membership.opensInMs))
    const body = { name, store: mode, on_store_loss: onStoreLoss }
    if (mode === 'lost' && onStoreLoss === 'closed') return { status: 'store_unavailable', body } as const
    if (!isStarting) return { status: 'ready', body } as const
    return mode === 'learning'
      ? ({ status: 'learning', body: { ...body, ready_in_ms: opensInMs } } as const)
      : ({ status: 'joining', body } as const)
  }

  /** Leaves every tool, as far as the store hears it, and closes the store. */
  async close(): Promise<void> {
    await Promise.all([...this.#memberships.values()].map((membership) => membership.close()))
    await this.#store.close().catch(() => undefined)
  }
}
