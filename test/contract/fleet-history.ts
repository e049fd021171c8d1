/**
 * Random histories of a fleet for tests that compare stores: one step, and what the sidecar of that step is told. Every
 * store must give the same answers.
 */
import * as fc from 'fast-check'
import type { Client } from './fleet-worlds.ts'

/** A sidecar gives back up to `back` slots and wants `want` calls; or it leaves. */
export type StepTaken = Readonly<{ who: number; back: number; want: number; leaves: boolean }>
export const STEP: fc.Arbitrary<StepTaken> = fc.record({
  who: fc.nat({ max: 3 }),
  back: fc.nat({ max: 3 }),
  want: fc.nat({ max: 4 }),
  leaves: fc.nat({ max: 9 }).map((n) => n === 0),
})

export async function take(members: readonly Client[], { who, back, want, leaves }: StepTaken) {
  const member = members[who]!
  if (leaves) {
    return member.leave()
  }
  const slots = Math.min(back, member.held)
  const { waiting, claimants, sidecars, rank, pausedMs } = await member.giveBack(slots, want)
  return { held: member.held, waiting, claimants, sidecars, rank, pausedMs }
}
