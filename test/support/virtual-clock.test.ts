/**
 * The virtual clock that other tests rely on: the order in which its timers fire, the time that they see, and its
 * check for loops.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { VirtualClock } from './virtual-clock.ts'

test('virtual time stands still until it is advanced', () => {
  const clock = new VirtualClock({ nowMs: 5, wallMs: 1_000_000 })
  assert.equal(clock.nowMs(), 5)
  assert.equal(clock.wallMs(), 1_000_000)
  clock.advance(2.5)
  assert.equal(clock.nowMs(), 7.5)
  assert.equal(clock.wallMs(), 1_000_002.5)
})

test('virtual timers fire once, in due order, at the time they were due', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50)), (delays) => {
      const clock = new VirtualClock()
      const fired: { due: number; set: number }[] = []
      delays.forEach((due, set) => {
        clock.after(due, () => {
          assert.equal(clock.nowMs(), due)
          fired.push({ due, set })
        })
      })
      clock.advance(50)
      const inOrder = delays.map((due, set) => ({ due, set })).sort((a, b) => a.due - b.due || a.set - b.set)
      assert.deepEqual(fired, inOrder)
      assert.equal(clock.timers, 0)
      assert.equal(clock.nowMs(), 50)
    }),
  )
})

test('a virtual timer that is not due yet stays set', () => {
  const clock = new VirtualClock()
  let fired = 0
  clock.after(10, () => fired++)
  clock.advance(9.999)
  assert.equal(fired, 0)
  assert.equal(clock.nextDueAtMs(), 10)
  clock.advance(0.002)
  assert.equal(fired, 1)
  assert.equal(clock.nextDueAtMs(), Infinity)
})

test('a cleared virtual timer never fires, and clearing again is harmless', () => {
  const clock = new VirtualClock()
  let fired = 0
  const timer = clock.after(10, () => fired++)
  timer.clear()
  timer.clear()
  clock.advance(20)
  assert.equal(fired, 0)
  assert.equal(clock.timers, 0)
})

test('a virtual timer set by another one fires within the same advance when it is due', () => {
  const clock = new VirtualClock()
  const at: number[] = []
  clock.after(10, () => {
    at.push(clock.nowMs())
    clock.after(5, () => at.push(clock.nowMs()))
    clock.after(50, () => at.push(clock.nowMs()))
  })
  clock.advance(30)
  assert.deepEqual(at, [10, 15])
  assert.equal(clock.timers, 1)
})

test('virtual timers that set each other at the same time are reported as a loop', () => {
  const clock = new VirtualClock()
  const again = (): void => void clock.after(0, again)
  again()
  assert.throws(() => clock.advance(1), /spin/)
})

test('virtual time does not go backwards', () => {
  assert.throws(() => new VirtualClock().advance(-1), RangeError)
})

test('the methods of a virtual clock can be called without the clock', () => {
  const { nowMs, wallMs, after } = new VirtualClock({ nowMs: 1, wallMs: 2 })
  after(1, () => undefined)
  assert.deepEqual([nowMs(), wallMs()], [1, 2])
})
