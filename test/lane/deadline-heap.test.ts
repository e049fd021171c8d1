/**
 * DeadlineHeap against a plain list: after every random push, removal and move, both must agree on the size and on the
 * earliest due time.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DeadlineHeap } from '../../src/lane/deadline-heap.ts'
import type { Due } from '../../src/lane/deadline-heap.ts'

interface Item extends Due {
  readonly name: number
}

type Step =
  | { readonly do: 'push'; readonly dueAtMs: number }
  | { readonly do: 'remove' | 'remove first' | 'remove stranger'; readonly pick: number }
  | { readonly do: 'move'; readonly pick: number; readonly dueAtMs: number }

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('push' as const), dueAtMs: fc.nat(20) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('remove' as const, 'remove first' as const, 'remove stranger' as const),
      pick: fc.nat(40),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('move' as const), pick: fc.nat(40), dueAtMs: fc.nat(20) }),
  },
)

/** The heap, with plain lists of the items that are in it and of those that were removed. */
class Trial {
  readonly heap = new DeadlineHeap<Item>()
  inside: Item[] = []
  readonly outside: Item[] = []

  step(step: Step): void {
    const all = step.do === 'remove stranger' ? this.outside : this.inside
    const item = step.do === 'push' ? undefined : all[step.pick % all.length]
    if (step.do === 'push') this.#push(step.dueAtMs)
    else if (step.do === 'remove first') this.#remove(this.heap.peek())
    else if (item === undefined) return
    else if (step.do === 'move') this.heap.move(item, step.dueAtMs)
    else if (step.do === 'remove') this.#remove(item)
    else assert.equal(this.heap.remove(item), false)
  }

  check(): void {
    const earliest = this.inside.toSorted((a, b) => a.dueAtMs - b.dueAtMs)[0]
    assert.equal(this.heap.size, this.inside.length)
    assert.equal(this.heap.peek()?.dueAtMs, earliest?.dueAtMs)
    assert.ok(this.outside.every(({ heapIndex }) => heapIndex === -1))
  }

  #push(dueAtMs: number): void {
    const item: Item = { dueAtMs, heapIndex: -1, name: this.inside.length + this.outside.length }
    this.heap.push(item)
    this.inside.push(item)
  }

  #remove(item: Item | undefined): void {
    if (item === undefined) return
    assert.equal(this.heap.remove(item), true)
    this.inside = this.inside.filter((other) => other !== item)
    this.outside.push(item)
  }
}

test('a deadline heap has the earliest item first after any pushes, removals and moves', () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 100, size: 'max' }), (history) => {
      const trial = new Trial()
      for (const step of history) {
        trial.step(step)
        trial.check()
      }
    }),
    { numRuns: 1000 },
  )
})

test('a deadline heap returns its items in due order', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1000)), (dues) => {
      const heap = new DeadlineHeap<Due>()
      for (const dueAtMs of dues) heap.push({ dueAtMs, heapIndex: -1 })
      const given: number[] = []
      for (let first = heap.peek(); first; first = heap.peek()) {
        given.push(first.dueAtMs)
        heap.remove(first)
      }
      assert.deepEqual(
        given,
        dues.toSorted((a, b) => a - b),
      )
    }),
  )
})

test('an item of another deadline heap is not removed', () => {
  const [mine, others] = [new DeadlineHeap<Due>(), new DeadlineHeap<Due>()]
  const item: Due = { dueAtMs: 1, heapIndex: -1 }
  others.push(item)
  mine.push({ dueAtMs: 1, heapIndex: -1 })
  assert.equal(mine.remove(item), false)
  assert.equal(mine.size, 1)
  assert.equal(others.remove(item), true)
})
