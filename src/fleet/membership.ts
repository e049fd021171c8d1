/**
 * One lane's membership in the fleet: reports the lane's demand to the store, and caps the lane at the slots that the store
 * gave. Each change looks at the lane, decides (held-slots.ts), caps the lane, and reports if it is time (report-timing.ts).
 * At most one report is under way, so that a busy moment costs one round trip; calls wait in their lane, never for a report.
 * A store that was silent for too long is `lost`: then policy.ts says what the lane may run.
 */
import type { FleetMode, ToolEvent } from '../observe/events.ts'
import type { Clock, Timer } from '../time/clock.ts'
import { HeldSlots } from './held-slots.ts'
import type { Demand } from './held-slots.ts'
import { ceilingWithoutStore } from './policy.ts'
import type { Ceiling, OnStoreLoss } from './policy.ts'
import { ReportTiming } from './report-timing.ts'
import type { Need } from './report-timing.ts'
import { StoreFailure } from './store.ts'
import type { Allotment, FleetStore, News } from './store.ts'

/** The lane, as the membership needs it. */
export interface LaneSide {
  demand(): LaneDemand
  /** Running calls above it go on to their end. */
  cap(ceiling: Ceiling): void
}

type LaneDemand = Demand & { readonly queueDepth: number }

export interface MembershipSettings {
  readonly tool: string
  readonly cap: number
  readonly ttlMs: number
  readonly onStoreLoss: OnStoreLoss
}

export interface MembershipParts {
  readonly store: FleetStore
  readonly lane: LaneSide
  readonly clock: Clock
  /** Random: 0 <= n < 1. */
  readonly random: () => number
  readonly tell: (event: ToolEvent) => void
}

/** Milliseconds that an idle slot is kept for the lane's own next call, times 0.5..1.5. */
const KEEP_IDLE_MS = 120
/** Rounding could fire the timer just before its moment, again and again. */
const NOT_EARLY_MS = 0.01
/** Silence of the store after which the policy takes over; never longer than half the TTL. */
const LOST_AFTER_MS = 1500
/** As above, before the first answer: a process that has just started is busy with itself. */
const LOST_AT_START_MS = 3000

export type MembershipStatus = ReturnType<Membership['status']>

export class Membership {
  #settings: MembershipSettings
  readonly #parts: MembershipParts
  readonly #heldSlots: HeldSlots
  readonly #timing: ReportTiming
  #mode: FleetMode = 'joining'
  /** The report that was sent and not answered yet. */
  #underWay: Promise<void> | undefined
  #isLooking = false
  #isClosed = false
  #timer: Timer | undefined
  #timerAtMs = Infinity
  /** Why the last report failed. */
  #cause: string | undefined
  /** When the store begins to give slots; only while it is learning. */
  #opensAtMs = -Infinity
  /** The lane has had a slot, or the policy's share, at least once. */
  #hasServed = false
  #ceiling: Ceiling = { slots: 0, untilMs: Infinity, isShut: false }
  /** Running calls whose slots were lost, as counted so far. */
  #overshoot = 0

  constructor(settings: MembershipSettings, parts: MembershipParts) {
    const { clock, random, lane } = parts
    this.#settings = settings
    this.#parts = parts
    this.#timing = new ReportTiming(settings.ttlMs, random, clock.nowMs())
    this.#heldSlots = new HeldSlots({ ttlMs: settings.ttlMs, idleMs: KEEP_IDLE_MS * (0.5 + random()) })
    lane.cap(this.#ceiling)
    this.#look()
  }

  /** For people: slots held, slots that the lane may use, sidecars known, and how late the last renewal was. */
  status() {
    const nowMs = this.#parts.clock.nowMs()
    return {
      mode: this.#mode,
      held: this.#heldSlots.held(nowMs).slots,
      ceiling: nowMs < this.#ceiling.untilMs ? this.#ceiling.slots : 0,
      sidecars: this.#heldSlots.peers?.sidecars,
      waitingSidecars: this.#heldSlots.waitingSidecars,
      lagMs: this.#timing.lagMs,
      hasServed: this.#hasServed,
      /** Milliseconds until the store gives slots; 0 where it does, or where nobody knows. */
      opensInMs: this.#mode === 'learning' ? Math.max(0, Math.ceil(this.#opensAtMs - nowMs)) : 0,
    }
  }

  /** The lane changed. Cheap: all changes of one turn of the event loop are looked at once. */
  readonly notice = (): void => {
    if (this.#isLooking || this.#isClosed) return
    this.#isLooking = true
    queueMicrotask(() => this.#look())
  }

  heard(news: News): void {
    if (!this.#isClosed && this.#heldSlots.heard(news)) this.#look()
  }

  reconfigure(cap: number): void {
    this.#settings = { ...this.#settings, cap }
    this.notice()
  }

  /** Gives everything back. Never rejects: a store that does not hear it ends the session after its TTL. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#timer?.clear()
    const { store, clock } = this.#parts
    const { tool, cap } = this.#settings
    // Made before the wait: if this process joins the tool again meanwhile, the order of its new reports is higher.
    const last = this.#heldSlots.leavingReport(tool, cap, clock.nowMs())
    // A report that arrived after the last one would begin a session, which would last for one TTL.
    await this.#underWay
    if (this.#mode !== 'lost') await store.report(last).catch(() => undefined)
  }

  #look(): void {
    this.#isLooking = false
    if (this.#isClosed) return
    const nowMs = this.#parts.clock.nowMs()
    let demand = this.#parts.lane.demand()
    this.#noticeLoss(demand, nowMs)
    let hasNews = this.#heldSlots.decide(demand, this.#settings.cap, nowMs)
    // The lane uses less before the store hears of it, and more only after the store said so.
    if (this.#capLane(nowMs)) {
      // Under the new ceiling calls may have started, each on a fresh slot. Whether more may start is decided again.
      demand = this.#parts.lane.demand()
      hasNews = this.#heldSlots.decide(demand, this.#settings.cap, nowMs)
      this.#capLane(nowMs)
    }
    if (this.#underWay === undefined && this.#timing.isDue(hasNews, this.#need(demand), nowMs))
      this.#report(demand.active, nowMs)
    if (demand.queueDepth > 0) this.#timing.callsWait(nowMs)
    this.#arm(this.#need(demand), nowMs)
  }

  #need({ queueDepth }: LaneDemand): Need {
    return { callsWait: queueDepth > 0, wantsSlots: this.#heldSlots.want > 0 }
  }

  #report(active: number, nowMs: number): void {
    const { store, clock } = this.#parts
    const { tool, cap } = this.#settings
    this.#timing.sent(nowMs)
    // An error thrown by either handler would be a bug, and ends the process as an unhandled rejection.
    this.#underWay = store.report(this.#heldSlots.report({ tool, cap, active }, nowMs)).then(
      (allotment) => this.#answered(allotment, nowMs, clock.nowMs()),
      (error: unknown) => this.#failed(error, nowMs, clock.nowMs()),
    )
  }

  #answered(allotment: Allotment, sentAtMs: number, nowMs: number): void {
    this.#underWay = undefined
    if (this.#isClosed) return
    this.#parts.tell({ kind: 'fleet_reported', isOk: true, tookMs: nowMs - sentAtMs })
    const isAnother = this.#heldSlots.answered(allotment, sentAtMs)
    this.#timing.answered(allotment, nowMs)
    this.#opensAtMs = nowMs + allotment.pausedMs
    this.#enter(allotment.pausedMs > 0 ? 'learning' : 'up')
    if (isAnother) this.#countOvershoot(this.#parts.lane.demand().active - this.#heldSlots.held(nowMs).slots)
    if (!this.#isLate(nowMs)) this.#overshoot = 0
    this.#look()
  }

  #failed(error: unknown, sentAtMs: number, nowMs: number): void {
    this.#underWay = undefined
    if (this.#isClosed) return
    this.#parts.tell({ kind: 'fleet_reported', isOk: false, tookMs: nowMs - sentAtMs })
    this.#cause = error instanceof StoreFailure ? error.message : String(error)
    this.#heldSlots.unanswered()
    this.#timing.failed(sentAtMs, nowMs)
    this.#look()
  }

  /** The slots may not be used any more: no report was answered in time. */
  #isLate(nowMs: number): boolean {
    return nowMs >= this.#heldSlots.held(nowMs).untilMs
  }

  /** Notices a store that was silent for too long, and calls that run on slots that ended. */
  #noticeLoss(demand: Demand, nowMs: number): void {
    if (nowMs >= this.#lostAtMs()) this.#enter('lost')
    if (this.#mode !== 'joining' && this.#isLate(nowMs))
      this.#countOvershoot(demand.active - this.#ceilingNow(nowMs).slots)
  }

  #lostAtMs(): number {
    const silentMs =
      this.#mode === 'joining' ? LOST_AT_START_MS : Math.min(LOST_AFTER_MS, this.#settings.ttlMs / 2)
    return this.#timing.failingSinceMs + silentMs
  }

  /** The same calls are counted once. */
  #countOvershoot(calls: number): void {
    if (calls <= this.#overshoot) return
    this.#parts.tell({ kind: 'fleet_overshoot', calls: calls - this.#overshoot })
    this.#overshoot = calls
  }

  #enter(mode: FleetMode): void {
    if (mode === this.#mode) return
    this.#mode = mode
    const { onStoreLoss } = this.#settings
    this.#parts.tell({
      kind: 'fleet_mode',
      mode,
      onStoreLoss,
      cause: mode === 'lost' ? this.#cause : undefined,
      opensInMs: mode === 'learning' ? this.status().opensInMs : undefined,
      isFirst: !this.#hasServed,
    })
    if (mode === 'up' || (mode === 'lost' && onStoreLoss !== 'closed')) this.#hasServed = true
  }

  /** True where the ceiling is another than before. */
  #capLane(nowMs: number): boolean {
    const ceiling = this.#ceilingNow(nowMs)
    const { slots, untilMs, isShut } = this.#ceiling
    if (ceiling.slots === slots && ceiling.untilMs === untilMs && ceiling.isShut === isShut) return false
    this.#ceiling = ceiling
    this.#parts.lane.cap(ceiling)
    return true
  }

  #ceilingNow(nowMs: number): Ceiling {
    if (this.#mode !== 'lost') return { ...this.#heldSlots.usable(nowMs), isShut: false }
    const { cap, onStoreLoss } = this.#settings
    const { peers } = this.#heldSlots
    return ceilingWithoutStore(onStoreLoss, cap, { peers, held: this.#heldSlots.held(nowMs) })
  }

  /** Sets the timer to the next moment in which something changes by itself. */
  #arm(need: Need, nowMs: number): void {
    const { untilMs } = this.#heldSlots.held(nowMs)
    const wakeAtMs = Math.min(
      this.#underWay === undefined ? this.#timing.dueAtMs(need) : Infinity,
      this.#heldSlots.givesBackAtMs(),
      untilMs > nowMs ? untilMs : Infinity,
      this.#mode === 'lost' ? Infinity : this.#lostAtMs(),
    )
    if (wakeAtMs === this.#timerAtMs) return
    this.#timer?.clear()
    this.#timerAtMs = wakeAtMs
    if (wakeAtMs === Infinity) return
    this.#timer = this.#parts.clock.after(Math.max(0, wakeAtMs - nowMs) + NOT_EARLY_MS, () => {
      this.#timerAtMs = Infinity
      this.#look()
    })
  }
}
