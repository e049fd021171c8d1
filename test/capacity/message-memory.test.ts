/**
 * MessageMemory: the bytes held are exact after any steps, no server takes the memory that is kept for the others, and small
 * bodies always fit.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MessageMemory } from '../../src/capacity/message-memory.ts'
import type { Allocation } from '../../src/capacity/message-memory.ts'

const MOST = 1_000_000
const PING_BYTES = 60

type Step =
  | { readonly do: 'hold'; readonly server: string }
  | { readonly do: 'resize'; readonly which: number; readonly bytes: number }
  | { readonly do: 'release'; readonly which: number }

const bytes = fc.oneof(fc.nat(MOST), fc.nat(10_000), fc.nat(100))
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('hold' as const), server: fc.constantFrom('a', 'b', 'c') }),
  fc.record({ do: fc.constant('resize' as const), which: fc.nat(20), bytes }),
  fc.record({ do: fc.constant('release' as const), which: fc.nat(20) }),
)

/** The memory, and a list of the allocations with their bytes. */
class Model {
  readonly held = new MessageMemory(MOST)
  readonly allocations: { server: string; allocation: Allocation; bytes: number; isReleased: boolean }[] = []

  take(each: Step): void {
    if (each.do === 'hold') {
      const { server } = each
      this.allocations.push({ server, allocation: this.held.allocate(server), bytes: 0, isReleased: false })
      return
    }
    const one = this.allocations[each.which]
    if (one === undefined) return
    if (each.do === 'release') {
      one.allocation.release()
      one.bytes = 0
      one.isReleased = true
      return
    }
    const before = one.bytes
    const fits = one.allocation.fits(each.bytes) && !one.isReleased
    assert.equal(one.allocation.resize(each.bytes), fits)
    if (fits) one.bytes = each.bytes
    if (each.bytes <= before && !one.isReleased) assert.ok(fits, 'a smaller size was refused')
  }

  sum(server?: string): number {
    const those = this.allocations.filter((each) => server === undefined || each.server === server)
    return those.reduce((sum, each) => sum + each.bytes, 0)
  }
}

test('after any steps the held bytes are those granted and not released', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const model = new Model()
      for (const each of steps) {
        model.take(each)
        assert.equal(model.held.heldBytes(), model.sum())
        for (const server of ['a', 'b', 'c']) assert.equal(model.held.heldBytes(server), model.sum(server))
        assert.ok(model.sum() <= MOST)
      }
      for (const { allocation } of model.allocations) allocation.release()
      for (const { allocation } of model.allocations) allocation.release()
      assert.deepEqual([model.held.heldBytes(), model.held.servers], [0, 0])
    }),
  )
})

test('after any bodies of one server, another has room for a quarter, and both have room for pings', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 200, max: 300_000 }), { maxLength: 400 }), (sizes) => {
      const held = new MessageMemory(MOST)
      for (const size of sizes) held.allocate('a').resize(size)
      for (let n = 0; n < 8; n++) assert.ok(held.allocate('a').resize(PING_BYTES), `ping ${n} for a`)
      assert.ok(held.allocate('b').resize(Math.floor(held.mostOfOneBytes / 2)))
      assert.ok(held.allocate('b').resize(PING_BYTES))
    }),
  )
})

test('eight servers that each take all they can leave room for the ninth', () => {
  const held = new MessageMemory(64 * 1_048_576)
  for (const server of 'abcdefgh') while (held.allocate(server).resize(65_536)) assert.ok(held.servers <= 8)
  const rest = held.allocate('i')
  assert.ok(rest.resize(65_536) && held.heldBytes('a') <= held.mostOfOneBytes + 8 * 1_048_576)
})

test('one server alone gets half of the memory that is not kept for small bodies, to the byte', () => {
  const held = new MessageMemory(800)
  assert.equal(held.mostOfOneBytes, 350)
  const allocation = held.allocate('a')
  assert.deepEqual([allocation.fits(351), allocation.resize(351), held.servers], [false, false, 0])
  assert.ok(allocation.resize(350) && allocation.resize(10) && allocation.resize(350))
})
