/** What the soak calls flat. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flatness } from './flat.ts'

const BOUNDS = { growthRatio: 0.1, growthBy: 2 }
const ramp = (from: number, by: number): number[] => Array.from({ length: 30 }, (_, i) => from + i * by)

test('a figure that wavers is flat, one that grows all the time is not', () => {
  assert.ok(flatness([...ramp(90, 0.5), ...ramp(105, -0.1), ...ramp(104, 0.05)], BOUNDS).isFlat)
  assert.ok(!flatness(ramp(100, 2), BOUNDS).isFlat)
})

test('growth at the start is forgiven, growth at the end is not', () => {
  assert.ok(flatness([...ramp(10, 3), ...ramp(100, 0), ...ramp(100, 0)], BOUNDS).isFlat)
  assert.ok(!flatness([...ramp(10, 3), ...ramp(100, 0), ...ramp(100, 1.5)], BOUNDS).isFlat)
})

test('a few samples tell nothing', () => {
  assert.throws(() => flatness([1, 2, 3], BOUNDS), /too few/)
})
