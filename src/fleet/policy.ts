/**
 * What a lane may run while nobody can ask the store. Pure.
 *
 *     local-share   cap / last known number of sidecars: floor(cap / n), one more for the first cap mod n, at least 1
 *     closed        what is still certain, and every other call is refused
 *     open          the whole cap
 *
 * The shares of all sidecars together are the larger of cap and n: a sidecar that may run nothing helps nobody, and who
 * must not go beyond the cap says `closed`. A sidecar that never reached the store does not know n and takes 1.
 */
export type OnStoreLoss = 'local-share' | 'closed' | 'open'

/** What a lane may run at a time. */
export interface Ceiling {
  readonly slots: number
  /** Milliseconds on the clock: from then on none. */
  readonly untilMs: number
  /** What finds no slot is refused at once instead of waiting. */
  readonly isShut: boolean
}

/** Who shares a tool, as last heard. */
export interface Peers {
  readonly sidecars: number
  /** Which of them this is: 0..sidecars-1. */
  readonly rank: number
}

export interface TimedSlots {
  /** Slots that the store gave, and until when they are certain. */
  readonly slots: number
  readonly untilMs: number
}

export function ceilingWithoutStore(
  policy: OnStoreLoss,
  cap: number,
  known: { readonly peers: Peers | undefined; readonly certain: TimedSlots },
): Ceiling {
  switch (policy) {
    case 'local-share':
      return { slots: localShare(cap, known.peers), untilMs: Infinity, isShut: false }
    case 'closed':
      return { ...known.certain, isShut: true }
    case 'open':
      return { slots: cap, untilMs: Infinity, isShut: false }
    default:
      return policy satisfies never
  }
}

export function localShare(cap: number, peers: Peers | undefined): number {
  if (peers === undefined) return 1
  const { sidecars, rank } = peers
  return Math.max(1, Math.floor(cap / sidecars) + (rank < cap % sidecars ? 1 : 0))
}
