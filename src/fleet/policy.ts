/**
 * What a lane may run while the store does not answer. Pure.
 *
 *     local-share   cap / last known number of sidecars: floor(cap / n), one more for the first cap mod n, at least 1
 *     closed        the slots that are still held, until they end; every other call is refused
 *     open          the whole cap
 *
 * Under `local-share` all sidecars together may run the larger of cap and n calls, because each may run at least one. A
 * sidecar that never reached the store does not know n and may run 1.
 */
export type OnStoreLoss = 'local-share' | 'closed' | 'open'

/** What a lane may run at a time. */
export interface Ceiling {
  readonly slots: number
  /** Milliseconds on the clock: from then on none. */
  readonly untilMs: number
  /** A call that finds no slot is refused at once instead of waiting. */
  readonly isShut: boolean
}

/** The sidecars that share a tool, as last heard. */
export interface Peers {
  readonly sidecars: number
  /** Which of them this is: 0..sidecars-1. */
  readonly rank: number
}

export interface TimedSlots {
  readonly slots: number
  /** Milliseconds on the clock: from then on none. */
  readonly untilMs: number
}

export function ceilingWithoutStore(
  policy: OnStoreLoss,
  cap: number,
  known: { readonly peers: Peers | undefined; readonly held: TimedSlots },
): Ceiling {
  switch (policy) {
    case 'local-share':
      return { slots: localShare(cap, known.peers), untilMs: Infinity, isShut: false }
    case 'closed':
      return { ...known.held, isShut: true }
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
