/**
 * A bounded number of places, shared among independent holders. Each holder has a guaranteed number of places; the places
 * that are guaranteed to no holder go to the first that asks. So a greedy holder cannot take the guaranteed places of
 * another. Pure; must not know what a place or a holder is.
 *
 *     room for one more  <=>  held < most  and  (own held < own guaranteed  or  sum(max(held, guaranteed)) < most)
 */

/** `taken`, or the cause of the refusal. */
export type Room = 'taken' | 'share_used' | 'process_full'

export interface ShareSettings {
  /** All places. */
  readonly most: number
  /** The places that each holder could use at most. A holder without an entry has no guaranteed places. */
  readonly needs: ReadonlyMap<string, number>
}

/** If there are fewer places than all holders need, this part is guaranteed in equal shares, and the rest serves bursts. */
const PROMISED_RATIO = 0.5

export class Shares {
  #most = 0
  #guaranteed: ReadonlyMap<string, number> = new Map()
  readonly #held = new Map<string, number>()
  #total = 0
  /** The sum of max(held, guaranteed) over all holders. */
  #spokenFor = 0

  /** Held places stay held, even beyond a new bound. */
  allot(allotment: ShareSettings): void {
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

  /** Gives one place back; call it once for each place that was taken. */
  give(holder: string): void {
    const held = this.held(holder)
    if (held > this.guaranteed(holder)) this.#spokenFor--
    if (held === 1) this.#held.delete(holder)
    else this.#held.set(holder, held - 1)
    this.#total--
  }
}

/** Each holder gets the places it needs, or an equal share if there are too few. A share that is not needed in full goes to the others. */
function guarantees({ most, needs }: ShareSettings): ReadonlyMap<string, number> {
  const byNeed = [...needs].sort(([, a], [, b]) => a - b)
  const needed = byNeed.reduce((sum, [, need]) => sum + need, 0)
  let left = needed <= most ? needed : Math.floor(most * PROMISED_RATIO)
  const guaranteed = new Map<string, number>()
  for (const [index, [holder, need]] of byNeed.entries()) {
    // At least one. If that makes more than there are places, the bound on the total still holds.
    const part = Math.min(need, Math.max(1, Math.floor(left / (byNeed.length - index))))
    guaranteed.set(holder, part)
    left = Math.max(0, left - part)
  }
  return guaranteed
}
