/**
 * One tool in the store: who holds how many slots, who waits, and what one report changes. Pure. The memory store runs
 * this; redis/report.lua and postgres/4-report.sql state the same four parts, and test/contract/ compares the three.
 *
 *     held(sidecar) = given - returned          free = smallest cap - sum of held
 *     1 end       sessions that were silent for their TTL end; their slots are free
 *     2 hear      the sender's session is found or begun, and takes over what the report says; or
 *       forget    the sender leaves: its session ends, and all that it held is free
 *     3 hand out  free slots go down the line, one to each sidecar, which then stands at the end of the line
 *     4 answer    the sender gets its allotment; sidecars that got a slot or whose slots are wanted get news
 */
import { MOST_SIDECARS } from './store.ts'
import type { Allotment, Report, Snapshot } from './store.ts'

/** A sidecar with a living session. */
export interface Member {
  epoch: number
  expiresAtMs: number
  given: number
  returned: number
  want: number
  cap: number
  /** Place in the line, lowest first; 0 outside of it. */
  place: number
  /** Of the newest report that was heard. */
  order: number
}

export interface Sender {
  readonly sidecar: string
  readonly ttlMs: number
}

/** News that the store sends to one sidecar. */
export interface Notification {
  readonly sidecar: string
  readonly news: Snapshot
}

export interface ReportResult {
  readonly allotment: Allotment
  readonly notifications: readonly Notification[]
}

/** The answer to a sidecar that leaves: it holds nothing and needs to know nothing. */
const NO_ALLOTMENT: Allotment = {
  version: 0,
  epoch: 0,
  given: 0,
  waiting: 0,
  claimants: 0,
  cap: 0,
  sidecars: 0,
  rank: 0,
  pausedMs: 0,
  nextEndMs: 0,
}

export class Ledger {
  readonly #members = new Map<string, Member>()
  /** The store's time from which slots are given. A new ledger may be one whose memory was lost, so it begins later. */
  #opensAtMs: number
  /** Counts versions, places and epochs. Starts from the wall time, so that no epoch of a lost memory comes again. */
  #count: number

  constructor(opensAtMs: number, wallMs: number) {
    this.#opensAtMs = opensAtMs
    this.#count = Math.floor(wallMs)
  }

  /** Undefined where the tool has as many sidecars as a store takes. */
  report(report: Report, sender: Sender, nowMs: number): ReportResult | undefined {
    const { sidecar } = sender
    this.#endDeadSessions(nowMs)
    this.#count++
    const known = this.#members.get(sidecar)
    if (report.isLeaving) {
      // A leave that arrives late, after the sidecar has joined again, ends nothing.
      if (known !== undefined && report.order > known.order) this.#members.delete(sidecar)
      return { allotment: NO_ALLOTMENT, notifications: this.#newsFor(this.#handOut(nowMs)) }
    }
    if (known === undefined && this.#members.size >= MOST_SIDECARS) return undefined
    const lineBefore = this.#line()
    const wasWaiting = lineBefore.some(([name]) => name === sidecar)
    const wasClaimant = known !== undefined && isClaimant(known)
    const me = this.#hear(report, sender, nowMs)
    const told = this.#handOut(nowMs)
    told.delete(sidecar)
    // The sender waits and did not before: holders of slots learn that idle ones are wanted.
    if (me.want > 0 && (!wasClaimant || (!wasWaiting && lineBefore.length < 2))) {
      for (const [name, member] of this.#members) if (name !== sidecar && heldBy(member) > 0) told.add(name)
    }
    return { allotment: this.#allotment(sidecar, me, nowMs), notifications: this.#newsFor(told) }
  }

  #endDeadSessions(nowMs: number): void {
    for (const [name, member] of this.#members) {
      if (member.expiresAtMs <= nowMs) this.#members.delete(name)
    }
  }

  #hear(report: Report, sender: Sender, nowMs: number): Member {
    const me = this.#sessionOf(report, sender, nowMs)
    me.expiresAtMs = nowMs + sender.ttlMs
    // `returned` of another session does not count in this one.
    const reported = report.epoch === me.epoch ? report.returned : 0
    const returned = Math.min(me.given, Math.max(me.returned, reported))
    const gaveBack = returned > me.returned
    me.returned = returned
    if (report.order > me.order) {
      me.order = report.order
      me.cap = report.cap
      me.want = report.want
    }
    if (me.want === 0) me.place = 0
    else if (me.place === 0 || gaveBack) me.place = this.#count
    return me
  }

  #sessionOf(report: Report, { sidecar, ttlMs }: Sender, nowMs: number): Member {
    const known = this.#members.get(sidecar)
    // A report that arrives after later ones may be of an earlier session: it does not end the one that lives.
    if (known !== undefined && (known.epoch === report.epoch || report.order <= known.order)) return known
    // The store knows nobody, and the sender was busy: the store was out of reach for a whole TTL. Other sidecars may
    // still run calls on slots that they held, so nothing is given until they have said so.
    if (this.#members.size === 0 && (report.epoch > 0 || report.held > 0))
      this.#opensAtMs = Math.max(this.#opensAtMs, nowMs + ttlMs)
    this.#members.delete(sidecar)
    const claim = nowMs < this.#opensAtMs ? Math.max(0, Math.min(report.held, report.cap - this.#held())) : 0
    const member: Member = {
      epoch: this.#count,
      expiresAtMs: nowMs + ttlMs,
      given: claim,
      returned: 0,
      want: 0,
      cap: report.cap,
      place: 0,
      order: 0,
    }
    this.#members.set(sidecar, member)
    return member
  }

  /** Names the sidecars that got a slot. */
  #handOut(nowMs: number): Set<string> {
    const promoted = new Set<string>()
    if (nowMs < this.#opensAtMs) return promoted
    const line = this.#line()
    const cap = this.#cap()
    let held = this.#held()
    for (let next = line.shift(); next !== undefined && held < cap; next = line.shift()) {
      const [name, member] = next
      // A sidecar that is alone in the line takes all that is free.
      const slots = line.length === 0 ? Math.min(member.want, cap - held) : 1
      member.given += slots
      member.want -= slots
      held += slots
      promoted.add(name)
      member.place = member.want === 0 ? 0 : ++this.#count
      if (member.want > 0) line.push(next)
    }
    return promoted
  }

  #line(): [string, Member][] {
    return [...this.#members].filter(([, { place }]) => place > 0).sort(([, a], [, b]) => a.place - b.place)
  }

  #held(): number {
    let held = 0
    for (const member of this.#members.values()) held += heldBy(member)
    return held
  }

  /** Infinity without members. */
  #cap(): number {
    return Math.min(...[...this.#members.values()].map(({ cap }) => cap))
  }

  #allotment(sidecar: string, me: Member, nowMs: number): Allotment {
    const others = [...this.#members].filter(([name]) => name !== sidecar)
    const endsInMs = others.map(([, { expiresAtMs }]) => expiresAtMs - nowMs)
    return {
      ...this.#snapshot(sidecar, me),
      sidecars: this.#members.size,
      rank: others.filter(([name]) => name < sidecar).length,
      pausedMs: Math.max(0, this.#opensAtMs - nowMs),
      nextEndMs: endsInMs.length === 0 ? 0 : Math.min(...endsInMs),
    }
  }

  #snapshot(sidecar: string, { epoch, given }: Member): Snapshot {
    const cap = this.#cap()
    const others = this.#line().filter(([name]) => name !== sidecar).length
    return {
      version: this.#count,
      epoch,
      given,
      waiting: Math.max(others, this.#held() > cap ? 1 : 0),
      claimants: [...this.#members.values()].filter(isClaimant).length,
      cap,
    }
  }

  #newsFor(sidecars: Iterable<string>): Notification[] {
    return [...sidecars].flatMap((sidecar) => {
      const member = this.#members.get(sidecar)
      return member === undefined ? [] : [{ sidecar, news: this.#snapshot(sidecar, member) }]
    })
  }
}

function heldBy({ given, returned }: Member): number {
  return given - returned
}

function isClaimant(member: Member): boolean {
  return heldBy(member) > 0 || member.want > 0
}
