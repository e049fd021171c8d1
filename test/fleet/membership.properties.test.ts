/**
 * Random histories of calls, killed sidecars, cut connections and a store that loses its memory. The cap holds at all times,
 * and at the end every living sidecar gets a slot.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { Rig, TTL_MS } from './rig.ts'

const HISTORIES = 80
/** A call that runs at the end of its slot ends within the margin of the TTL, before another sidecar gets the slot. */
const LONGEST_CALL_MS = 0.09 * TTL_MS

type Step =
  | { readonly kind: 'call'; readonly who: number; readonly holdMs: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'load'; readonly ms: number }
  | { readonly kind: 'kill' | 'cut' | 'heal'; readonly who: number }
  | { readonly kind: 'forget' }

const who = fc.nat({ max: 3 })
const ms = fc.integer({ min: 0, max: 1.5 * TTL_MS })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('load' as const), ms }) },
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('call' as const),
      who,
      holdMs: fc.integer({ min: 1, max: LONGEST_CALL_MS }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 400 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 2 * TTL_MS }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('kill' as const, 'cut' as const, 'heal' as const), who }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget' as const) }) },
)

/** Milliseconds between two calls of one sidecar; HOLD_MS is how long each runs. */
const EVERY_MS = 60
const HOLD_MS = 150

async function take(rig: Rig, next: Step): Promise<void> {
  if (next.kind === 'load') {
    for (let passedMs = 0; passedMs < next.ms; passedMs += EVERY_MS) {
      for (const sidecar of rig.sidecars) if (!sidecar.isDead) sidecar.call(HOLD_MS)
      await rig.pass(EVERY_MS)
    }
    return
  }
  if (next.kind === 'pass') {
    await rig.pass(next.ms)
    return
  }
  if (next.kind === 'forget') {
    rig.hub.forget()
    return
  }
  const sidecar = rig.sidecars[next.who]!
  if (next.kind === 'call') {
    if (!sidecar.isDead) sidecar.call(next.holdMs)
  } else if (next.kind === 'kill') sidecar.isDead = true
  else sidecar.isCut = next.kind === 'cut'
  await rig.pass(0)
}

test('in any history no more calls run than the cap allows, and every living sidecar gets a slot', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.array(step, { maxLength: 40 }),
      async (cap, steps) => {
        const rig = new Rig({ cap, onStoreLoss: 'closed', isOpen: false })
        for (let i = 0; i < 4; i++) await rig.start()
        await rig.pass(TTL_MS)
        for (const each of steps) {
          await take(rig, each)
          assert.ok(rig.mostActive <= cap, `${rig.mostActive} of ${cap}`)
        }
        for (const sidecar of rig.sidecars) sidecar.isCut = false
        // By then every waiting call has been granted or refused.
        await rig.pass(70_000)
        const calls = rig.sidecars.filter(({ isDead }) => !isDead).map((sidecar) => sidecar.call(50))
        await rig.pass(1000)
        assert.deepEqual(
          calls.map(({ turn }) => turn),
          calls.map(() => 'granted'),
        )
        assert.ok(rig.mostActive <= cap, `${rig.mostActive} of ${cap}`)
      },
    ),
    { numRuns: HISTORIES },
  )
})
