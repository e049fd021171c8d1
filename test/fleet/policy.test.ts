/**
 * The slots that a lane may use without its store: the local shares of a fleet add up to the cap, and each sidecar has at
 * least one.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { ceilingWithoutStore, localShare } from '../../src/fleet/policy.ts'

test('the local shares of a fleet add up to its cap, or to one for each sidecar if there are more sidecars than slots', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 60 }), (cap, sidecars) => {
      let sum = 0
      for (let rank = 0; rank < sidecars; rank++) sum += localShare(cap, { sidecars, rank })
      assert.equal(sum, Math.max(cap, sidecars))
    }),
  )
})

test('a sidecar that does not know the number of sidecars uses one slot', () => {
  assert.equal(localShare(8, undefined), 1)
})

test('under closed the held slots may be used until their end, and every other call is refused', () => {
  const held = { slots: 3, untilMs: 500 }
  assert.deepEqual(ceilingWithoutStore('closed', 8, { peers: undefined, held }), {
    slots: 3,
    untilMs: 500,
    isShut: true,
  })
})
