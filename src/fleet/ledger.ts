/**
 * One tool in the store: the rules that store.ts promises, pure. The memory store runs them; redis/report.lua and
 * postgres/report.sql say the same in their languages, and the contract suite compares all three.
 *
 *     held(sidecar) = given - returned          free = cap - sum of held
 *
 * A report ends dead sessions, counts what came back, moves the speaker in the line, and hands free slots down the line:
 * one slot each, then to the end of the line. Must not know of time but as the store's `nowMs`.
 */
import { MOST_SIDECARS } from './store.ts'
import type { Snapshot, Allotment, Report } from './store.ts'

export interface Member {
  epoch: number
  expiresAtMs: number
  given: number
  returned: number
  want: number
  cap: number
  /** Place in the line, lowest first; 0 outside of it. */
  place: number
  order: number
}

export interface Notification {
  readonly sidecar: string
  readonly news: Snapshot
}

export interface Sender {
  readonly sidecar: string
  readonly ttlMs: number
}

export interface ReportResult {
  readonly allotment: Allotment
  readonly told: readonly Notification[]
}

export class Ledger {
  readonly #members = new Map<string, Member>()
  /** The store's time from which slots are given: a new ledger may be one whose memory was lost. */
  #opensAtMs: number
  /** Counts versions, places and epochs. Starts from the time, so that no epoch of a lost memory comes again. */
  #count: number

  constructor(opensAtMs: number, wallMs: number) {
    this.#opensAtMs = opensAtMs
    this.#count = Math.floor(wallMs)
  }

  /** Undefined where the tool has as many sidecars as a store takes. */
  report(said: Report, speaker: Sender, nowMs: number): ReportResult | undefined {
    const { sidecar, ttlMs } = speaker
    this.#endDead(nowMs)
    if (this.#members.size >= MOST_SIDECARS && !this.#members.has(sidecar)) return undefined
    const before = this.#line()
    const known = this.#members.get(sidecar)
    const wasClaimant = known !== undefined && isClaimant(known)
    const me = this.#hear(speaker, said, nowMs)
    me.expiresAtMs = nowMs + ttlMs
    const promoted = nowMs < this.#opensAtMs ? new Set<string>() : this.#handOut()
    promoted.delete(sidecar)
    const told = [...promoted]
    // Who holds slots learns that somebody stands in line who did not before: an idle one is wanted.
    if (me.want > 0 && (!wasClaimant || (before.length < 2 && !before.some(([name]) => name === sidecar)))) {
      for (const [name, member] of this.#members) {
        if (name !== sidecar && heldBy(member) > 0 && !promoted.has(name)) told.push(name)
      }
    }
    return {
      allotment: {
        ...this.#snapshot(sidecar, me),
        sidecars: this.#members.size,
        rank: [...this.#members.keys()].filter((name) => name < sidecar).length,
        pausedMs: Math.max(0, this.#opensAtMs - nowMs),
        nextEndMs: this.#nextEndMs(sidecar, nowMs),
      },
      told: this.#newsFor(told),
    }
  }

  leave(sidecar: string, nowMs: number): readonly Notification[] {
    this.#endDead(nowMs)
    this.#members.delete(sidecar)
    this.#count++
    return nowMs < this.#opensAtMs ? [] : this.#newsFor([...this.#handOut()])
  }

  #endDead(nowMs: number): void {
    for (const [name, member] of this.#members) {
      if (member.expiresAtMs <= nowMs) this.#members.delete(name)
    }
  }

  #hear(speaker: Sender, said: Report, nowMs: number): Member {
    const version = ++this.#count
    const me = this.#sessionOf(speaker, said, nowMs)
    // What was returned in another session is none of this one's.
    const saidReturned = said.epoch === me.epoch ? said.returned : 0
    const returned = Math.min(me.given, Math.max(me.returned, saidReturned))
    const gaveBack = returned > me.returned
    me.returned = returned
    if (said.order > me.order) {
      me.order = said.order
      me.cap = said.cap
      me.want = said.want
    }
    if (me.want === 0) me.place = 0
    else if (me.place === 0 || gaveBack) me.place = version
    return me
  }

  #sessionOf({ sidecar, ttlMs }: Sender, said: Report, nowMs: number): Member {
    const known = this.#members.get(sidecar)
    // A statement that was overtaken by later ones may be of a session that is over: it does not end the one that lives.
    if (known !== undefined && (known.epoch === said.epoch || said.order <= known.order)) return known
    // Nobody is known, but the speaker was busy: the store was out of reach, perhaps of others, too, that run what they hold.
    if (this.#members.size === 0 && (said.epoch > 0 || said.held > 0))
      this.#opensAtMs = Math.max(this.#opensAtMs, nowMs + ttlMs)
    this.#members.delete(sidecar)
    const claim = nowMs < this.#opensAtMs ? Math.max(0, Math.min(said.held, said.cap - this.#held())) : 0
    const member: Member = {
      epoch: this.#count,
      expiresAtMs: 0,
      given: claim,
      returned: 0,
      want: 0,
      cap: said.cap,
      place: 0,
      order: 0,
    }
    this.#members.set(sidecar, member)
    return member
  }

  /** Names who got a slot. */
  #handOut(): Set<string> {
    const line = this.#line()
    const promoted = new Set<string>()
    const cap = this.#cap()
    let held = this.#held()
    for (let next = line.shift(); next !== undefined; next = line.shift()) {
      const [name, member] = next
      if (held >= cap) break
      // Alone in the line, one takes all that is free.
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

  #cap(): number {
    return Math.min(...[...this.#members.values()].map(({ cap }) => cap))
  }

  #nextEndMs(sidecar: string, nowMs: number): number {
    let firstMs = Infinity
    for (const [name, { expiresAtMs }] of this.#members) {
      if (name !== sidecar) firstMs = Math.min(firstMs, expiresAtMs - nowMs)
    }
    return firstMs === Infinity ? 0 : firstMs
  }

  #claimants(): number {
    return [...this.#members.values()].filter(isClaimant).length
  }

  #snapshot(sidecar: string, { epoch, given }: Member): Snapshot {
    const cap = this.#cap()
    const others = this.#line().filter(([name]) => name !== sidecar).length
    return {
      version: this.#count,
      epoch,
      given,
      waiting: Math.max(others, this.#held() > cap ? 1 : 0),
      claimants: this.#claimants(),
      cap,
    }
  }

  #newsFor(names: readonly string[]): Notification[] {
    return names.flatMap((sidecar) => {
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
