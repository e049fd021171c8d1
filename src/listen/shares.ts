/**
 * A bounded number of places, shared among holders that know nothing of each other. Each is sure of its guaranteed part;
 * what nobody is guaranteed, or nobody needs, goes to whoever comes first. So a holder that takes all it can get never
 * takes what another was promised. Pure; must not know what a place or a holder is.
 *
 *     room for one more  <=>  held < most  and  (own held < own guaranteed  or  sum(max(held, guaranteed)) < most)
 */

/** `taken`, or why not. */
export type Room = 'taken' | 'share_used' | 'process_full'

export interface Allotment {
  /** Places there are. */
  readonly most: number
  /** Places that each holder could use at most. Holders that are not named here are guaranteed nothing. */
  readonly needs: ReadonlyMap<string, number>
}

/** Where not all can be sure of all they need: half is promised in equal parts, half stays open to bursts. */
const PROMISED_RATIO = 0.5

export class Shares {
  #most = 0
  #guaranteed: ReadonlyMap<string, number> = new Map()
  readonly #held = new Map<string, number>()
  #total = 0
  /** The sum over all holders of what they hold or are guaranteed, whichever is more. */
  #spokenFor = 0

  /** Places that are held stay held, also beyond a new bound. */
  allot(allotment: Allotment): void {
    this.#most = allotment.most
    this.#guaranteed = guarantees(allotment)
    this.#spokenFor = 0
    for (const holder of new Set([...this.#guaranteed.keys(), ...this.#held.keys()]))
      this.#spokenFor += Math.max(this.held(holder), this.guaranteed(holder))
  }

  held(holder: string): number {
    return this.#held.get(holder) ?? 0
  }

  guaranteed(holder: string): number {
    return this.#guaranteed.get(holder) ?? 0
  }

  take(holder: string): Room {
    if (this.#total >= this.#most) return 'process_full'
    const held = this.held(holder)
    const isSure = held < this.guaranteed(holder)
    if (!isSure && this.#spokenFor >= this.#most) return 'share_used'
    if (!isSure) this.#spokenFor++
    this.#held.set(holder, held + 1)
    this.#total++
    return 'taken'
  }

  /** Once for each place that was taken. */
  give(holder: string): void {
    const held = this.held(holder)
    if (held > this.guaranteed(holder)) this.#spokenFor--
    if (held === 1) this.#held.delete(holder)
    else this.#held.set(holder, held - 1)
    this.#total--
  }
}

/** Each holder gets what it needs; where that is too much, an equal part. A holder that needs less leaves the rest to the others. */
function guarantees({ most, needs }: Allotment): ReadonlyMap<string, number> {
  const byNeed = [...needs].sort(([, a], [, b]) => a - b)
  const needed = byNeed.reduce((sum, [, need]) => sum + need, 0)
  let left = needed <= most ? needed : Math.floor(most * PROMISED_RATIO)
  const guaranteed = new Map<string, number>()
  for (const [index, [holder, need]] of byNeed.entries()) {
    // One at least: the bound on the total still holds when that is more than there is.
    const part = Math.min(need, Math.max(1, Math.floor(left / (byNeed.length - index))))
    guaranteed.set(holder, part)
    left = Math.max(0, left - part)
  }
  return guaranteed
}
