/**
 * The heap that both virtual clocks stand on.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { EventHeap } from './event-heap.ts'

test('events come out by time, and those of one moment in the order in which they went in', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(9)), (times) => {
      const heap = new EventHeap<number>()
      for (const [index, atMs] of times.entries()) heap.push(atMs, index)
      const out: number[] = []
      for (let first = heap.peek(); first !== undefined; first = heap.peek()) {
        out.push(first.item)
        heap.shift()
      }
      const expected = [...times.keys()].sort((a, b) => (times[a] ?? 0) - (times[b] ?? 0) || a - b)
      assert.deepEqual(out, expected)
    }),
  )
})
