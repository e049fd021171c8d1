/**
 * Keeps one lane within what the fleet's store gives it: looks where the lane stands, tells the store, tells the lane.
 * One report is under way at a time, so that a busy moment costs one round trip, and no call ever waits for one: calls
 * wait in their lane. Decides when to speak; what to say is held-slots.ts, what to do without a store is policy.ts.
 */
import type { FleetMode, ToolEvent } from '../observe/events.ts'
import type { Clock, Timer } from '../time/clock.ts'
import { HeldSlots } from './held-slots.ts'
import type { Demand } from './held-slots.ts'
import { ceilingWithoutStore } from './policy.ts'
import type { Ceiling, OnStoreLoss } from './policy.ts'
import { StoreFailure } from './store.ts'
import type { FleetStore, News, Allotment } from './store.ts'

/** The lane, as the membership needs it. */
export interface LaneSide {
  demand(): Demand & { readonly queueDepth: number }
  /** What runs above it goes to its end. */
  cap(ceiling: Ceiling): void
}

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

/** Milliseconds. A slot is kept so long for the lane's own next call, times 0.5..1.5. */
const KEEP_IDLE_MS = 120
/** While calls wait, the store is asked anyway after so long, times 1..2: news can be lost. */
const LOOK_AGAIN_MS = 1000
/** Sums of fractions must not wake a moment too soon, again and again. */
const NOT_EARLY_MS = 0.01
const FIRST_RETRY_MS = 50
const LONGEST_RETRY_MS = 1000
/** Silence of the store after which the policy takes over; never longer than half the TTL. */
const LOST_AFTER_MS = 1500
/** As above, for a process that has only just begun and is busy with itself. */
const LOST_AT_START_MS = 3000

export type MembershipStatus = ReturnType<Membership['status']>

export class Membership {
  #settings: MembershipSettings
  readonly #parts: MembershipParts
  readonly #heldSlots: HeldSlots
  #mode: FleetMode = 'joining'
  /** The report that was sent and not answered yet. */
  #underWay: Promise<void> | undefined
  #isLooking = false
  #isClosed = false
  #timer: Timer | undefined
  #timerAtMs = Infinity
  #sentAtMs = -Infinity
  #lookAgainAtMs = Infinity
  #failures = 0
  #cause: string | undefined
  #failingSinceMs: number
  #retryAtMs = -Infinity
  /** When the store begins to give slots; only while it is learning. */
  #opensAtMs = -Infinity
  /** The lane has had a slot, or the policy's share, at least once. */
  #hasServed = false
  /** When the store gives slots again, or the next session of another ends. */
  #worthAskingAtMs = Infinity
  #ceiling: Ceiling = { slots: 0, untilMs: Infinity, isShut: false }
  /** Calls that run though their slot was lost, counted when that was noticed. */
  #overshoot = 0
  #lagMs = 0

  constructor(settings: MembershipSettings, parts: MembershipParts) {
    this.#settings = settings
    this.#parts = parts
    this.#failingSinceMs = parts.clock.nowMs()
    this.#heldSlots = new HeldSlots({ ttlMs: settings.ttlMs, idleMs: KEEP_IDLE_MS * (0.5 + parts.random()) })
    parts.lane.cap(this.#ceiling)
    this.#look()
  }

  /** For people: slots held, slots that the lane may use, sidecars known, and how late the last renewal was. */
  status() {
    const nowMs = this.#parts.clock.nowMs()
    return {
      mode: this.#mode,
      held: this.#heldSlots.certain(nowMs).slots,
      ceiling: nowMs < this.#ceiling.untilMs ? this.#ceiling.slots : 0,
      sidecars: this.#heldSlots.peers?.sidecars,
      waitingSidecars: this.#heldSlots.waitingSidecars,
      lagMs: this.#lagMs,
      hasServed: this.#hasServed,
      /** Milliseconds until the store gives slots; 0 where it does, or where nobody knows. */
      opensInMs: this.#mode === 'learning' ? Math.max(0, Math.ceil(this.#opensAtMs - nowMs)) : 0,
    }
  }

  /** The lane changed. Cheap: what happens in one turn of the event loop is looked at once. */
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

  /** Gives everything back. Never rejects: a store that does not hear it forgets this sidecar by itself. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#timer?.clear()
    const { store, clock } = this.#parts
    const { tool, cap } = this.#settings
    // Ordered before the wait: this process may join the tool again meanwhile, and its new reports count more.
    const leaving = this.#heldSlots.leavingReport(tool, cap, clock.nowMs())
    // After the last report, one that was under way would begin a session that nobody ends before its TTL.
    await this.#underWay
    if (this.#mode !== 'lost') await store.report(leaving).catch(() => undefined)
  }

  #look(): void {
    this.#isLooking = false
    if (this.#isClosed) return
    const nowMs = this.#parts.clock.nowMs()
    let demand = this.#parts.lane.demand()
    this.#noticeLoss(demand, nowMs)
    let isNews = this.#heldSlots.decide(demand, this.#settings.cap, nowMs)
    // The lane uses less before the store hears of it, and more only after the store said so.
    if (this.#capLane(nowMs)) {
      // Calls may have started, each on a slot that came for it; whether more may start is another question.
      demand = this.#parts.lane.demand()
      isNews = this.#heldSlots.decide(demand, this.#settings.cap, nowMs)
      this.#capLane(nowMs)
    }
    if (this.#isTimeToReport(isNews, nowMs)) this.#report(demand.active, nowMs)
    this.#arm(demand, nowMs)
  }

  #isTimeToReport(isNews: boolean, nowMs: number): boolean {
    if (this.#underWay !== undefined || nowMs < this.#retryAtMs) return false
    return isNews || nowMs >= this.#renewAtMs() || nowMs >= this.#lookAgainAtMs || this.#isWorthAsking(nowMs)
  }

  #isWorthAsking(nowMs: number): boolean {
    return this.#heldSlots.want > 0 && nowMs >= this.#worthAskingAtMs
  }

  #renewAtMs(): number {
    return this.#sentAtMs + this.#settings.ttlMs / 3
  }

  #report(active: number, nowMs: number): void {
    const { store, clock } = this.#parts
    const { tool, cap } = this.#settings
    if (Number.isFinite(this.#sentAtMs) && nowMs > this.#renewAtMs()) this.#lagMs = nowMs - this.#renewAtMs()
    this.#sentAtMs = nowMs
    this.#lookAgainAtMs = Infinity
    this.#worthAskingAtMs = Infinity
    // Both ends are handled; what they throw would be a bug, and ends the process as one.
    this.#underWay = store.report(this.#heldSlots.report({ tool, cap, active }, nowMs)).then(
      (allotment) => this.#answered(allotment, nowMs, clock.nowMs()),
      (error: unknown) => this.#failed(error, nowMs, clock.nowMs()),
    )
  }

  #answered(allotment: Allotment, sentAtMs: number, nowMs: number): void {
    this.#underWay = undefined
    if (this.#isClosed) return
    this.#parts.tell({ kind: 'fleet_reported', isOk: true, tookMs: nowMs - sentAtMs })
    this.#failures = 0
    this.#failingSinceMs = Infinity
    this.#retryAtMs = -Infinity
    const isAnother = this.#heldSlots.answered(allotment, sentAtMs)
    const { pausedMs, nextEndMs } = allotment
    const waitMs = pausedMs > 0 ? pausedMs : nextEndMs > 0 ? nextEndMs : Infinity
    this.#worthAskingAtMs = nowMs + waitMs + 1 + this.#parts.random() * 5
    this.#opensAtMs = nowMs + pausedMs
    this.#enter(pausedMs > 0 ? 'learning' : 'up')
    if (isAnother)
      this.#countOvershoot(this.#parts.lane.demand().active - this.#heldSlots.certain(nowMs).slots)
    if (!this.#isLate(nowMs)) this.#overshoot = 0
    this.#look()
  }

  #failed(error: unknown, sentAtMs: number, nowMs: number): void {
    this.#underWay = undefined
    if (this.#isClosed) return
    this.#parts.tell({ kind: 'fleet_reported', isOk: false, tookMs: nowMs - sentAtMs })
    this.#cause = error instanceof StoreFailure ? error.message : String(error)
    this.#heldSlots.unanswered()
    this.#failingSinceMs = Math.min(this.#failingSinceMs, sentAtMs)
    const backoffMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures++)
    this.#retryAtMs = nowMs + backoffMs * (0.5 + this.#parts.random() / 2)
    this.#look()
  }

  #isLate(nowMs: number): boolean {
    return nowMs >= this.#heldSlots.certain(nowMs).untilMs
  }

  /** Slots that ended under running calls, and a store that has been silent for too long. */
  #noticeLoss(demand: Demand, nowMs: number): void {
    if (nowMs >= this.#lostAtMs()) this.#enter('lost')
    if (this.#mode !== 'joining' && this.#isLate(nowMs))
      this.#countOvershoot(demand.active - this.#ceilingNow(nowMs).slots)
  }

  #lostAtMs(): number {
    if (this.#mode === 'joining') return this.#failingSinceMs + LOST_AT_START_MS
    return this.#failingSinceMs + Math.min(LOST_AFTER_MS, this.#settings.ttlMs / 2)
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
    const cause = mode === 'lost' ? this.#cause : undefined
    const { opensInMs } = this.status()
    this.#parts.tell({
      kind: 'fleet_mode',
      mode,
      onStoreLoss,
      cause,
      opensInMs: mode === 'learning' ? opensInMs : undefined,
      isFirst: !this.#hasServed,
    })
    if (mode === 'up' || (mode === 'lost' && onStoreLoss !== 'closed')) this.#hasServed = true
  }

  /** True when the lane was told something new. */
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
    return ceilingWithoutStore(onStoreLoss, cap, { peers, certain: this.#heldSlots.certain(nowMs) })
  }

  #arm({ queueDepth }: { readonly queueDepth: number }, nowMs: number): void {
    if (queueDepth > 0 && this.#lookAgainAtMs === Infinity)
      this.#lookAgainAtMs = nowMs + LOOK_AGAIN_MS * (1 + this.#parts.random())
    const { untilMs } = this.#heldSlots.certain(nowMs)
    const reportAtMs = Math.max(
      this.#retryAtMs,
      Math.min(
        this.#failures > 0 ? this.#retryAtMs : Infinity,
        this.#renewAtMs(),
        queueDepth > 0 ? this.#lookAgainAtMs : Infinity,
        this.#heldSlots.want > 0 ? this.#worthAskingAtMs : Infinity,
      ),
    )
    const wakeAtMs = Math.min(
      this.#underWay !== undefined ? Infinity : reportAtMs,
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
