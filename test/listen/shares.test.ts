/**
 * Shares without sockets: which holder is guaranteed how many places, and that no sequence of takes, returns and
 * reloads breaks the bound or a guarantee.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Shares } from '../../src/listen/shares.ts'

function shares(most: number, needs: Readonly<Record<string, number>>): Shares {
  const made = new Shares()
  made.allot({ most, needs: new Map(Object.entries(needs)) })
  return made
}

/** Takes places until one is refused; returns their number and the reason of the refusal. */
function takeAll(from: Shares, holder: string): readonly [number, string] {
  for (let taken = 0; ; taken++) {
    const room = from.take(holder)
    if (room !== 'taken') return [taken, room]
  }
}

test('if there are places for all needs, each holder is guaranteed its whole need', () => {
  const both = shares(100, { deep: 60, small: 20 })
  assert.deepEqual([both.guaranteed('deep'), both.guaranteed('small')], [60, 20])
  assert.deepEqual(takeAll(both, 'deep'), [80, 'share_used'])
  assert.deepEqual(takeAll(both, 'small'), [20, 'process_full'])
})

test('a holder that takes all it can get leaves the guaranteed places to the others', () => {
  const three = shares(100, { deep: 20_000, other: 20_000, small: 4 })
  assert.deepEqual(takeAll(three, 'deep'), [73, 'share_used'])
  assert.deepEqual(takeAll(three, 'small'), [4, 'share_used'])
  assert.deepEqual(takeAll(three, 'other'), [23, 'process_full'])
})

test('a place that is given back can be taken by another holder', () => {
  const two = shares(10, { a: 100, b: 100 })
  assert.deepEqual(takeAll(two, 'a'), [7, 'share_used'])
  two.give('a')
  assert.deepEqual(takeAll(two, 'b'), [4, 'process_full'])
})

test('a holder without a guarantee gets the places that are guaranteed to no other', () => {
  const one = shares(10, { a: 4 })
  assert.deepEqual(takeAll(one, 'stranger'), [6, 'share_used'])
  assert.deepEqual(takeAll(one, 'a'), [4, 'process_full'])
})

test('with more holders than places the bound holds, and the first holders get one each', () => {
  const many = shares(3, { a: 9, b: 9, c: 9, d: 9, e: 9 })
  const got = ['a', 'b', 'c', 'd', 'e'].map((holder) => many.take(holder))
  assert.deepEqual(got, ['taken', 'taken', 'taken', 'process_full', 'process_full'])
})

test('the bound and every guarantee hold after any takes, returns and reloads', () => {
  const step = fc.record({ holder: fc.constantFrom('a', 'b', 'c'), isTaking: fc.boolean() })
  const need = fc.nat(30)
  const allotment = fc.record({ most: fc.integer({ min: 3, max: 40 }), a: need, b: need })
  fc.assert(
    fc.property(allotment, allotment, fc.array(step, { maxLength: 200 }), (first, second, steps) => {
      const made = shares(first.most, { a: first.a, b: first.b })
      let { most } = first
      const held: Record<string, number> = { a: 0, b: 0, c: 0 }
      for (const [index, { holder, isTaking }] of steps.entries()) {
        if (index === 100) {
          made.allot({
            most: second.most,
            needs: new Map([
              ['a', second.a],
              ['b', second.b],
            ]),
          })
          most = second.most
        }
        const has = held[holder] ?? 0
        if (!isTaking) {
          if (has === 0) continue
          made.give(holder)
          held[holder] = has - 1
          continue
        }
        const total = (held['a'] ?? 0) + (held['b'] ?? 0) + (held['c'] ?? 0)
        const room = made.take(holder)
        if (room === 'taken') {
          held[holder] = has + 1
          assert.ok(total < most)
        } else if (has < made.guaranteed(holder)) assert.ok(total >= most, 'a guaranteed place was refused')
      }
    }),
  )
})

test('before a reload one holder alone cannot take the guaranteed places of another', () => {
  fc.assert(
    fc.property(fc.integer({ min: 4, max: 500 }), fc.nat(2000), fc.nat(2000), (most, a, b) => {
      const two = shares(most, { a, b })
      takeAll(two, 'a')
      const [got] = takeAll(two, 'b')
      assert.ok(got >= two.guaranteed('b'))
    }),
  )
})
