/**
 * Stops without timers: how long a process stood still, computed from the gaps between the beats of its clock.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Stops } from '../../src/time/system.ts'

/** Milliseconds between two beats; the same figure as in the clock. */
const BEAT_MS = 200

test('a beat in time or a little late counts as no stop', () => {
  const stops = new Stops()
  for (let atMs = 1000; atMs <= 5000; atMs += BEAT_MS + 250) stops.beat(atMs)
  assert.equal(stops.totalMs(5000), 0)
})

test('the delay of a late beat counts as a stop, also before the beat comes', () => {
  const stops = new Stops()
  stops.beat(1000)
  assert.equal(stops.totalMs(1000 + BEAT_MS + 299), 0)
  assert.equal(stops.totalMs(6000), 5000 - BEAT_MS)
  stops.beat(6001)
  assert.equal(stops.totalMs(6001), 5000 - BEAT_MS, 'the same stop was counted twice')
})

test('stops add up', () => {
  const stops = new Stops()
  for (const atMs of [0, 1200, 1400, 3600]) stops.beat(atMs)
  assert.equal(stops.totalMs(3600), 1000 + 2000)
})

test('time in which no beat was due counts as no stop', () => {
  const stops = new Stops()
  assert.equal(stops.totalMs(100_000), 0)
  stops.beat(100_000)
  stops.rest()
  stops.beat(200_000)
  assert.equal(stops.totalMs(200_100), 0)
})
