/**
 * RunningLeases without a lane: when a silent lease is due, what a renewal changes, and the sum of the ages against a
 * plain sum.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Lease } from '../../src/lane/lease.ts'
import { RunningLeases } from '../../src/lane/running-leases.ts'

test('a new lease has the time of its start and the length of its wait', () => {
  const lease = new RunningLeases().begin({ queuedAtMs: 40, leaseMs: undefined }, 100, 50)
  assert.equal(lease.state, 'running')
  assert.equal(lease.grantedAtMs, 50)
  assert.equal(lease.waitedMs, 10)
  assert.equal(lease.renewedAtMs, 50)
  assert.equal(lease.waitsFor, 'tool')
})

test('a running lease can be ended once', () => {
  const running = new RunningLeases()
  const lease = running.begin({ queuedAtMs: 0, leaseMs: undefined }, 100, 0)
  assert.equal(running.end(lease), true)
  assert.equal(running.end(lease), false)
  assert.equal(running.active, 0)
  assert.equal(running.nextDueAtMs(), Infinity)
})

test('a lease without a byte is silent once its leaseMs are over', () => {
  const running = new RunningLeases()
  const lease = running.begin({ queuedAtMs: 0, leaseMs: undefined }, 100, 0)
  assert.equal(running.nextDueAtMs(), 100)
  assert.equal(running.endSilent(100, 99.999), undefined)
  assert.equal(running.endSilent(100, 100), lease)
  assert.equal(running.endSilent(100, 100), undefined)
  assert.equal(running.active, 0)
})

test('a renewed lease is due at the end of its new time', () => {
  const running = new RunningLeases()
  const lease = running.begin({ queuedAtMs: 0, leaseMs: undefined }, 100, 0)
  lease.renewedAtMs = 60
  assert.equal(running.endSilent(100, 100), undefined)
  assert.equal(running.nextDueAtMs(), 160)
  assert.equal(running.endSilent(100, 160), lease)
})

test('endSilent takes out silent leases only, one at a time', () => {
  const running = new RunningLeases()
  const leases = [0, 1, 2].map((nowMs) =>
    running.begin({ queuedAtMs: nowMs, leaseMs: undefined }, 100, nowMs),
  )
  const [first, second, third] = leases as [Lease, Lease, Lease]
  second.renewedAtMs = 90
  const silent = [running.endSilent(100, 150), running.endSilent(100, 150), running.endSilent(100, 150)]
  assert.deepEqual(silent, [first, third, undefined])
  assert.equal(running.active, 1)
  assert.equal(running.nextDueAtMs(), 190)
})

test('the total age is the sum of the times for which the leases have run', () => {
  const steps = fc.array(fc.record({ waitMs: fc.nat(1000), ends: fc.boolean(), pick: fc.nat(9) }))
  fc.assert(
    fc.property(steps, (history) => {
      const running = new RunningLeases()
      let leases: Lease[] = []
      let nowMs = 0
      for (const { waitMs, ends, pick } of history) {
        nowMs += waitMs
        const gone = ends ? leases[pick % leases.length] : undefined
        if (gone === undefined)
          leases.push(running.begin({ queuedAtMs: nowMs, leaseMs: undefined }, 100, nowMs))
        else running.end(gone)
        leases = leases.filter((lease) => lease !== gone)
        const expected = leases.reduce((sum, { grantedAtMs }) => sum + nowMs - grantedAtMs, 0)
        assert.equal(running.agesMs(nowMs), expected)
        assert.equal(running.active, leases.length)
      }
    }),
  )
})

test('rounding errors in the total age are gone when no lease runs', () => {
  const running = new RunningLeases()
  for (const nowMs of [0.1, 0.2, 0.3])
    running.end(running.begin({ queuedAtMs: nowMs, leaseMs: undefined }, 1, nowMs))
  assert.equal(running.agesMs(1e6), 0)
})
