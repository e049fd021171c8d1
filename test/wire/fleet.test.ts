/**
 * One cap for several real processes on real stores: what it is under load, and after kill -9, SIGSTOP, a store that
 * stops, hangs, loses its memory or comes back.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient } from '@redis/client'
import { eventually } from '../support/eventually.ts'
import { after } from '../support/fake-tool.ts'
import { PASSWORD, startPostgres, startRedis } from '../support/store-servers.ts'
import { CAP, startFleet, TTL_SECONDS } from './fleet-processes.ts'
import type { Load, Processes } from './fleet-processes.ts'

const TTL_MS = TTL_SECONDS * 1000

/** Every process gets calls through from now on. */
async function untilAllServe(loads: readonly Load[], calls = 5): Promise<void> {
  const before = loads.map(({ done }) => done)
  await eventually(() => {
    for (const [i, load] of loads.entries()) assert.ok(load.done >= before[i]! + calls, `process ${i}`)
  })
}

async function untilAll(fleet: Processes, store: string): Promise<void> {
  for (const sidecar of fleet.sidecars)
    await eventually(async () => assert.equal((await fleet.lane(sidecar)).fleet.store, store))
}

for (const [name, start] of [
  ['redis', startRedis],
  ['postgres', startPostgres],
] as const) {
  test(`${name}: three processes share one cap, through a killed process and a store that stops and comes back`, async () => {
    await using fleet = await startFleet(start, 3)
    const [a, b, c] = fleet.sidecars as [
      (typeof fleet.sidecars)[0],
      (typeof fleet.sidecars)[0],
      (typeof fleet.sidecars)[0],
    ]
    const [loadA, loadB, loadC] = [a, b, c].map((sidecar) => fleet.load(sidecar, 5)) as [Load, Load, Load]
    await untilAllServe([loadA, loadB, loadC])
    assert.equal(fleet.tool.seen.mostActive, CAP)
    assert.equal((await fleet.lane(a)).fleet.sidecars, 3)
    const ready = await fleet.readiness(a)
    assert.deepEqual([ready.status, ready.body.status, ready.body.fleet.store], [200, 'ready', 'up'])

    // One is killed while others wait: the rest is theirs within one TTL.
    a.signal('SIGKILL')
    await a.exited
    await eventually(async () => assert.equal((await fleet.lane(b)).fleet.sidecars, 2))
    await untilAllServe([loadB, loadC])
    assert.equal(fleet.tool.seen.mostActive, CAP)

    // The store stops: each goes on with its share, and says so.
    await fleet.server.kill()
    for (const sidecar of [b, c]) {
      await eventually(async () => assert.equal((await fleet.readiness(sidecar)).body.fleet.store, 'lost'))
      assert.equal((await fleet.lane(sidecar)).fleet.ceiling, CAP / 2)
      assert.equal(await fleet.counter(sidecar, 'fleet_store_up'), 0)
      assert.ok(sidecar.lines.some((line) => line.includes('fleet_store=lost on_store_loss=local-share')))
    }
    await untilAllServe([loadB, loadC])

    // It comes back with nothing, or with what it had: no process is started anew, and the cap holds.
    await fleet.server.start()
    for (const sidecar of [b, c])
      await eventually(async () => assert.equal((await fleet.lane(sidecar)).fleet.store, 'up'))
    await untilAllServe([loadB, loadC])
    assert.equal(fleet.tool.seen.mostActive, CAP)
    assert.deepEqual([...loadB.refused, ...loadC.refused], [])
    for (const sidecar of [b, c]) {
      assert.equal(await fleet.counter(sidecar, 'fleet_overshoot_total'), 0)
      const said = [
        ...sidecar.lines,
        await sidecar.metrics(),
        JSON.stringify(await sidecar.lane('github')),
      ].join('\n')
      assert.ok(
        !said.includes(PASSWORD) && !said.includes(encodeURIComponent(PASSWORD)),
        'no password is told',
      )
    }
  })
}

test('a process that stands still loses its slots to the others, and when it goes on it says what overlapped', async () => {
  await using fleet = await startFleet(startRedis, 2)
  const [stalled, other] = fleet.sidecars as [(typeof fleet.sidecars)[0], (typeof fleet.sidecars)[0]]
  await untilAll(fleet, 'up')
  fleet.tool.answer = after(2.5 * TTL_MS)
  const long = Array.from({ length: CAP }, () => fetch(`${stalled.proxy}/github/long`).then((r) => r.text()))
  await eventually(() => assert.equal(fleet.tool.seen.active, CAP))
  stalled.signal('SIGSTOP')
  fleet.tool.answer = after(20)
  const load = fleet.load(other, 2)
  await untilAllServe([load])
  stalled.signal('SIGCONT')
  await eventually(async () => assert.equal(await fleet.counter(stalled, 'fleet_overshoot_total'), CAP))
  assert.ok(stalled.lines.some((line) => line.includes('fleet=overshoot calls=4')))
  assert.deepEqual(
    await Promise.all(long),
    Array.from({ length: CAP }, () => 'done'),
  )
  assert.ok(fleet.tool.seen.mostActive <= 2 * CAP, `${fleet.tool.seen.mostActive}`)
  await untilAllServe([load, fleet.load(stalled, 2)])
})

test('a store that loses its memory under load never lets more through than the cap', async () => {
  await using fleet = await startFleet(startRedis, 3)
  const loads = fleet.sidecars.map((sidecar) => fleet.load(sidecar, 5))
  await untilAllServe(loads)
  const admin = createClient({ url: fleet.server.url })
  await admin.connect()
  await admin.flushAll()
  admin.destroy()
  await eventually(() =>
    assert.ok(
      fleet.sidecars.some(({ lines }) => lines.filter((l) => l.includes('fleet_store=learning')).length > 1),
    ),
  )
  await untilAll(fleet, 'up')
  await untilAllServe(loads)
  assert.equal(fleet.tool.seen.mostActive, CAP)
})

test('a store that hangs makes no call hang: closed refuses with STORE_UNAVAILABLE until it answers again', async () => {
  await using fleet = await startFleet(startRedis, 2, 'closed')
  const [a] = fleet.sidecars as [(typeof fleet.sidecars)[0]]
  const load = fleet.load(a, 3)
  await untilAllServe([load])
  fleet.server.signal('SIGSTOP')
  await eventually(async () => {
    const { status, body } = await fleet.readiness(a)
    assert.deepEqual([status, body.status], [503, 'store_unavailable'])
  })
  const beganAt = performance.now()
  await eventually(async () => {
    const response = await fetch(`${a.proxy}/github/x`)
    const body = (await response.json()) as { reason: string; not_executed: boolean }
    assert.deepEqual([response.status, body.reason, body.not_executed], [503, 'STORE_UNAVAILABLE', true])
    assert.match(response.headers.get('retry-after') ?? '', /^\d+$/)
  })
  assert.ok(performance.now() - beganAt < 10_000)
  fleet.server.signal('SIGCONT')
  await untilAll(fleet, 'up')
  await untilAllServe([load])
})
