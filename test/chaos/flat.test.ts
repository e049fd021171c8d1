/**
 * Which series of samples the soak test accepts as flat.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flatness } from './flat.ts'

const BOUNDS = { growthRatio: 0.1, growthBy: 2 }
const ramp = (from: number, by: number): number[] => Array.from({ length: 30 }, (_, i) => from + i * by)

test('a series that only varies is flat, and a series that grows throughout is not', () => {
  assert.ok(flatness([...ramp(90, 0.5), ...ramp(105, -0.1), ...ramp(104, 0.05)], BOUNDS).isFlat)
  assert.ok(!flatness(ramp(100, 2), BOUNDS).isFlat)
})

test('growth in the first third is allowed, growth in the last third is not', () => {
  assert.ok(flatness([...ramp(10, 3), ...ramp(100, 0), ...ramp(100, 0)], BOUNDS).isFlat)
  assert.ok(!flatness([...ramp(10, 3), ...ramp(100, 0), ...ramp(100, 1.5)], BOUNDS).isFlat)
})

test('a series of fewer than nine samples is an error', () => {
  assert.throws(() => flatness([1, 2, 3], BOUNDS), /too few/)
})
