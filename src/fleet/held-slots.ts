/**
 * The slots of one tool that one sidecar holds: how many it keeps, gives back and asks for. Pure; must not know the store
 * nor the lane, whose demand comes in as numbers. Before a slot is given back the lane's ceiling is lowered: decide() sets
 * the ceiling, and the report that returns slots is sent after it.
 *
 *     held     given - returned, until TTL less a margin after the last answered report was SENT
 *     share    floor(cap / sidecars that hold or want slots); cap is the smallest that a sidecar was told
 *     yield    while others wait: min(held - share, how many wait); when a call on such a slot ends, none follows it
 *     fresh    slots that came and started no call yet; each may start one, so that a slot that goes round is used
 *     keep     slots with a call, and those that calls would use within held - yield and fresh. The rest is given back: at
 *              once while others wait, else after it was idle for a whole window
 */
import type { Peers, TimedSlots } from './policy.ts'
import type { Allotment, News, Report, Snapshot } from './store.ts'

/** What a lane would do with slots. */
export interface Demand {
  readonly active: number
  /** Calls that would run if there were slots enough, those that run among them. */
  readonly wants: number
  /** The same if the lane's own limit let it, too: at least `wants`. */
  readonly keeps: number
}

export interface HeldSlotsSettings {
  readonly ttlMs: number
  /** Milliseconds that a slot is idle before it is given back while no other sidecar waits. */
  readonly idleMs: number
}

/** Share of the TTL, and milliseconds at least, by which a session ends here before it ends in the store. */
const MARGIN_RATIO = 0.1
const SHORTEST_MARGIN_MS = 50
/** A want that grew is reported again when it has grown by this factor. */
const GROWN_RATIO = 2

export class HeldSlots {
  readonly #settings: HeldSlotsSettings
  #epoch = 0
  #given = 0
  #returned = 0
  /** Of the newest snapshot. */
  #version = 0
  #waiting = 0
  #claimants = 1
  #smallestCap = Infinity
  #peers: Peers | undefined
  #heldUntilMs = -Infinity
  /** The store gives slots from then on. */
  #opensAtMs = -Infinity
  /** As in the last report; `want` less what was given since. */
  #reportedWant = 0
  #reportedReturned = 0
  #reportedCap: number | undefined
  #order = 0
  /** The last report was not answered, so the store may not have heard it. */
  #isUnanswered = false
  #idle = 0
  /** Fewest idle slots since the window began. */
  #fewestIdle = 0
  #idleSinceMs = -Infinity
  #want = 0
  #ceiling = 0
  #fresh = 0
  #lastActive = 0

  constructor(settings: HeldSlotsSettings) {
    this.#settings = settings
  }

  get peers(): Peers | undefined {
    return this.#peers
  }

  get waitingSidecars(): number {
    return this.#waiting
  }

  /** Further slots wanted, as of the last decision. */
  get want(): number {
    return this.#want
  }

  /** Slots that the sidecar has for certain, and until when. */
  held(nowMs: number): TimedSlots {
    const slots = nowMs < this.#heldUntilMs ? this.#given - this.#returned : 0
    return { slots, untilMs: this.#heldUntilMs }
  }

  /** As `held`, less the slots that are to be given back as their calls end. */
  usable(nowMs: number): TimedSlots {
    const { slots, untilMs } = this.held(nowMs)
    return { slots: Math.min(slots, this.#ceiling), untilMs }
  }

  /** Milliseconds: when idle slots are given back; Infinity while none is idle. */
  givesBackAtMs(): number {
    return this.#idle > 0 ? this.#idleSinceMs + this.#settings.idleMs : Infinity
  }

  /** Fits what is kept, returned and wanted to the demand; true when the store should hear of it. */
  decide(demand: Demand, ownCap: number, nowMs: number): boolean {
    const cap = Math.min(ownCap, this.#smallestCap)
    const { slots: held } = this.held(nowMs)
    // A store that gives no slots yet could not pass on what is given back.
    const isWanted = this.#waiting > 0 && nowMs >= this.#opensAtMs
    const share = Math.floor(cap / Math.max(1, this.#claimants))
    const yields = isWanted ? Math.min(Math.max(0, held - share), this.#waiting) : 0
    const allowed = Math.max(held - yields, this.#allowedByFresh(demand.active, held))
    // A slot of the share that the lane's controller leaves unused stays here: given to others, it would undo what the
    // controller tries.
    const withheld = Math.min(demand.keeps, isWanted ? Math.min(share, allowed) : allowed)
    const keep = Math.max(demand.active, Math.min(demand.wants, allowed), withheld)
    const idle = Math.max(0, held - keep)
    const back = isWanted ? idle : this.#idleForWindow(idle, nowMs)
    this.#returned += back
    this.#idle = idle - back
    if (isWanted) this.#restartWindow(nowMs)
    this.#ceiling = Math.max(0, Math.min(allowed, held - back))
    this.#want = Math.min(cap, Math.max(0, demand.wants - (held - back)))
    return this.#hasNews(ownCap)
  }

  /** `active` calls count as held even where their slots are lost, because they run. */
  report(
    about: { readonly tool: string; readonly cap: number; readonly active: number },
    nowMs: number,
  ): Report {
    const { tool, cap, active } = about
    this.#reportedWant = this.#want
    this.#reportedCap = cap
    this.#reportedReturned = this.#returned
    // From the clock, so that a tool that is joined again goes on above what was reported of it before.
    this.#order = Math.max(this.#order + 1, Math.ceil(nowMs * 1000))
    return {
      tool,
      cap,
      epoch: this.#epoch,
      returned: this.#returned,
      held: Math.min(cap, Math.max(this.held(nowMs).slots, active)),
      want: this.#want,
      order: this.#order,
      isLeaving: false,
    }
  }

  /** The last report: all is returned, nothing is wanted. */
  leavingReport(tool: string, cap: number, nowMs: number): Report {
    this.#returned = this.#given
    this.#want = 0
    return { ...this.report({ tool, cap, active: 0 }, nowMs), isLeaving: true }
  }

  /** The answer to a report that was sent at `sentAtMs`; true when the session is another one than before. */
  answered(allotment: Allotment, sentAtMs: number): boolean {
    const { epoch, sidecars, rank, pausedMs } = allotment
    const isAnother = epoch !== this.#epoch
    if (isAnother) {
      this.#epoch = epoch
      this.#given = 0
      this.#returned = 0
      this.#reportedReturned = 0
      this.#version = 0
    }
    this.#isUnanswered = false
    this.#peers = { sidecars, rank }
    this.#opensAtMs = pausedMs > 0 ? sentAtMs + pausedMs : -Infinity
    const marginMs = Math.max(SHORTEST_MARGIN_MS, this.#settings.ttlMs * MARGIN_RATIO)
    this.#heldUntilMs = sentAtMs + this.#settings.ttlMs - marginMs
    this.#learn(allotment)
    return isAnother
  }

  /** The store may or may not have heard the last report: the next one says the same again. */
  unanswered(): void {
    this.#isUnanswered = true
  }

  /** False where the news is about another session. */
  heard(news: News): boolean {
    if (news.epoch !== this.#epoch) return false
    this.#learn(news)
    return true
  }

  #learn({ version, given, waiting, claimants, cap }: Snapshot): void {
    const gained = Math.max(0, given - this.#given)
    this.#given += gained
    this.#fresh += gained
    this.#reportedWant = Math.max(0, this.#reportedWant - gained)
    if (version <= this.#version) return
    this.#version = version
    this.#waiting = waiting
    this.#claimants = claimants
    this.#smallestCap = cap
  }

  /** Calls that may run so that every fresh slot starts one; 0 without a fresh slot. */
  #allowedByFresh(active: number, held: number): number {
    const started = Math.max(0, active - this.#lastActive)
    this.#lastActive = active
    this.#fresh = Math.max(0, Math.min(this.#fresh - started, held - active))
    return this.#fresh > 0 ? active + this.#fresh : 0
  }

  /** How many slots were idle for a whole window. */
  #idleForWindow(idle: number, nowMs: number): number {
    this.#fewestIdle = Math.min(this.#fewestIdle, idle)
    if (nowMs - this.#idleSinceMs < this.#settings.idleMs) return 0
    const back = this.#fewestIdle
    this.#idleSinceMs = nowMs
    this.#fewestIdle = idle - back
    return back
  }

  #restartWindow(nowMs: number): void {
    this.#idleSinceMs = nowMs
    this.#fewestIdle = this.#idle
  }

  #hasNews(ownCap: number): boolean {
    if (this.#isUnanswered || this.#returned > this.#reportedReturned) return true
    if (this.#reportedCap !== undefined && this.#reportedCap !== ownCap) return true
    if (this.#reportedWant === 0) return this.#want > 0
    return this.#want === 0 || this.#want >= GROWN_RATIO * this.#reportedWant
  }
}
