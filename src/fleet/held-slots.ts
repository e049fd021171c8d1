/**
 * What one sidecar holds of one tool, and what it keeps, gives back and asks for. Pure: time and demand come in as numbers.
 *
 *     held     given - returned, as long as the session is certain: TTL less a margin after the last answered report was SENT
 *     share    floor(cap / sidecars that hold or want slots); where they were told different caps, of the smallest
 *     yield    while others wait: min(held - share, how many wait); the next calls that end are not followed by others
 *     fresh    slots that came and started no call yet: each may start one, so that a slot that goes round is used each time
 *     keep     what runs, and what would run within held - yield and the fresh ones; the rest is given back, at once while others wait,
 *              else once it was idle for a whole window
 *
 * The ceiling is lowered before a slot is given back: decide() says the ceiling, and the report that returns slots is sent
 * after it. Must not know the store nor the lane.
 */
import type { TimedSlots, Peers } from './policy.ts'
import type { News, Snapshot, Allotment, Report } from './store.ts'

/** The lane as the fleet sees it. */
export interface Demand {
  readonly active: number
  /** Calls that would run if there were slots enough, those that run among them. */
  readonly wants: number
  /** The same if the lane's own limit let it, too: at least `wants`. */
  readonly keeps: number
}

export interface Speaking {
  readonly tool: string
  readonly cap: number
  readonly active: number
}

export interface HeldSlotsSettings {
  readonly ttlMs: number
  /** Milliseconds that a slot is idle before it is given back while nobody waits. */
  readonly idleMs: number
}

/** Share of the TTL, and milliseconds at least, by which a session ends here before it ends in the store. */
const MARGIN_RATIO = 0.1
const SHORTEST_MARGIN_MS = 50
/** An unheard wish is said again when it has grown so much. */
const GROWN_RATIO = 2

export class HeldSlots {
  readonly #settings: HeldSlotsSettings
  #epoch = 0
  #given = 0
  #returned = 0
  /** Of the newest word of the store. */
  #version = 0
  #waiting = 0
  #claimants = 1
  #peers: Peers | undefined
  #certainUntilMs = -Infinity
  /** What the store believes that is wanted and returned, as far as one can know. */
  #statedWant = 0
  #statedReturned = 0
  #statedCap: number | undefined
  #order = 0
  /** A report was not answered: what it said is said again. */
  #isUnheard = false
  #idle = 0
  /** Fewest idle slots since the window began. */
  #fewestIdle = 0
  #idleSinceMs = -Infinity
  #want = 0
  #ceiling = 0
  /** The smallest cap of the fleet, as last heard. */
  #smallestCap = Infinity
  /** The store gives slots from then on. */
  #opensAtMs = -Infinity
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

  /** Slots that may be used until `untilMs`. */
  certain(nowMs: number): TimedSlots {
    const slots = this.#isCertain(nowMs) ? this.#given - this.#returned : 0
    return { slots, untilMs: this.#certainUntilMs }
  }

  /** As `certain`, less what is about to be given back. */
  usable(nowMs: number): TimedSlots {
    const { slots, untilMs } = this.certain(nowMs)
    return { slots: Math.min(slots, this.#ceiling), untilMs }
  }

  /** Milliseconds: when idle slots are given back; Infinity while none is idle. */
  givesBackAtMs(): number {
    return this.#idle > 0 ? this.#idleSinceMs + this.#settings.idleMs : Infinity
  }

  /** Moves what is kept, given back and wanted to where demand is; true when the store should hear of it. */
  decide(demand: Demand, ownCap: number, nowMs: number): boolean {
    const cap = Math.min(ownCap, this.#smallestCap)
    const { slots: held } = this.certain(nowMs)
    // What is given back to a store that gives nothing yet is of no use to anybody.
    const isWanted = this.#waiting > 0 && nowMs >= this.#opensAtMs
    const share = Math.floor(cap / Math.max(1, this.#claimants))
    const yields = isWanted ? Math.min(Math.max(0, held - share), this.#waiting) : 0
    const allowed = Math.max(held - yields, this.#freshAllow(demand.active, held))
    // A slot of its share that the lane's law does not use stays unused: others would undo what the law tries.
    const withheld = Math.min(demand.keeps, isWanted ? Math.min(share, allowed) : allowed)
    const keep = Math.max(demand.active, Math.min(demand.wants, allowed), withheld)
    const idle = Math.max(0, held - keep)
    const back = isWanted ? idle : this.#idleForLong(idle, nowMs)
    this.#returned += back
    this.#idle = idle - back
    if (isWanted) this.#restartIdle(nowMs)
    this.#ceiling = Math.max(0, Math.min(allowed, held - back))
    this.#want = Math.min(cap, Math.max(0, demand.wants - (held - back)))
    return this.#isNews(ownCap)
  }

  /** Everything that the store has to know. What runs is claimed even where its slots are lost: it runs. */
  report({ tool, cap, active }: Speaking, nowMs: number): Report {
    this.#statedWant = this.#want
    this.#statedCap = cap
    this.#statedReturned = this.#returned
    // From the clock, so that a tool that is joined again goes on above what was said of it before.
    this.#order = Math.max(this.#order + 1, Math.ceil(nowMs * 1000))
    return {
      tool,
      cap,
      epoch: this.#epoch,
      returned: this.#returned,
      held: Math.min(cap, Math.max(this.certain(nowMs).slots, active)),
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
    const isAnother = allotment.epoch !== this.#epoch
    if (isAnother) {
      this.#epoch = allotment.epoch
      this.#given = 0
      this.#returned = 0
      this.#statedReturned = 0
      this.#version = 0
    }
    this.#isUnheard = false
    this.#peers = { sidecars: allotment.sidecars, rank: allotment.rank }
    const marginMs = Math.max(SHORTEST_MARGIN_MS, this.#settings.ttlMs * MARGIN_RATIO)
    this.#opensAtMs = allotment.pausedMs > 0 ? sentAtMs + allotment.pausedMs : -Infinity
    this.#certainUntilMs = sentAtMs + this.#settings.ttlMs - marginMs
    this.#learn(allotment)
    return isAnother
  }

  /** The report may or may not have been heard: what it said is said again. */
  unanswered(): void {
    this.#isUnheard = true
  }

  /** False where it is about another session, or old. */
  heard(news: News): boolean {
    if (news.epoch !== this.#epoch) return false
    this.#learn(news)
    return true
  }

  #learn({ version, given, waiting, claimants, cap }: Snapshot): void {
    const gained = Math.max(0, given - this.#given)
    this.#given += gained
    this.#fresh += gained
    this.#statedWant = Math.max(0, this.#statedWant - gained)
    if (version <= this.#version) return
    this.#version = version
    this.#waiting = waiting
    this.#claimants = claimants
    this.#smallestCap = cap
  }

  /** Calls that may run so that every fresh slot starts one; 0 without any. */
  #freshAllow(active: number, held: number): number {
    const started = Math.max(0, active - this.#lastActive)
    this.#lastActive = active
    this.#fresh = Math.max(0, Math.min(this.#fresh - started, held - active))
    return this.#fresh > 0 ? active + this.#fresh : 0
  }

  #isCertain(nowMs: number): boolean {
    return nowMs < this.#certainUntilMs
  }

  /** How many slots were idle for a whole window. */
  #idleForLong(idle: number, nowMs: number): number {
    this.#fewestIdle = Math.min(this.#fewestIdle, idle)
    if (nowMs - this.#idleSinceMs < this.#settings.idleMs) return 0
    const back = this.#fewestIdle
    this.#idleSinceMs = nowMs
    this.#fewestIdle = idle - back
    return back
  }

  #restartIdle(nowMs: number): void {
    this.#idleSinceMs = nowMs
    this.#fewestIdle = this.#idle
  }

  #isNews(ownCap: number): boolean {
    if (this.#isUnheard || this.#returned > this.#statedReturned) return true
    if (this.#statedCap !== undefined && this.#statedCap !== ownCap) return true
    if (this.#statedWant === 0) return this.#want > 0
    return this.#want === 0 || this.#want >= GROWN_RATIO * this.#statedWant
  }
}
