/**
 * Fleet on virtual time: one membership for each tool, the state for /readyz, and the slots that are given back when a tool
 * or the process leaves.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fleet } from '../../src/fleet/fleet.ts'
import { MemoryHub } from '../../src/fleet/memory.ts'
import type { Ceiling, OnStoreLoss } from '../../src/fleet/policy.ts'
import type { FleetStore, Report } from '../../src/fleet/store.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const TTL_MS = 3000

/** A lane that always wants `wants` calls to run and uses all the slots it gets. */
function hungryLane(wants: number) {
  const lane = {
    slots: 0,
    demand: () => ({ active: Math.min(wants, lane.slots), wants, keeps: wants, queueDepth: 0 }),
    cap: ({ slots }: Ceiling) => void (lane.slots = slots),
  }
  return lane
}

class World {
  readonly clock = new VirtualClock({ nowMs: 1000 })
  readonly hub: MemoryHub

  constructor(isBornEmpty = true) {
    this.hub = new MemoryHub(this.clock, isBornEmpty)
  }

  fleet(sidecar: string, onStoreLoss: OnStoreLoss = 'local-share'): Fleet {
    const { clock, hub } = this
    return new Fleet(
      { name: 'test', leaseTtlMs: TTL_MS, onStoreLoss },
      {
        open: (options) => hub.open(options),
        clock,
        random: () => 0.5,
        sidecar,
        tell: () => undefined,
      },
    )
  }

  async pass(ms: number): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += 10) {
      this.clock.advance(10)
      for (let i = 0; i < 12; i++) await Promise.resolve()
    }
  }
}

test('a fleet is joining until it has its first answer, and then ready', async () => {
  const world = new World()
  const fleet = world.fleet('a')
  assert.equal(fleet.readiness().status, 'joining')
  fleet.join('github', 4, hungryLane(2))
  assert.equal(fleet.readiness().status, 'joining')
  await world.pass(10)
  assert.deepEqual(fleet.readiness(), {
    status: 'ready',
    body: { name: 'test', store: 'up', on_store_loss: 'local-share' },
  })
  await fleet.close()
})

test('during the pause of a first start the fleet is learning and gives its end, and is ready afterwards', async () => {
  const world = new World(false)
  const fleet = world.fleet('a')
  fleet.join('github', 4, hungryLane(2))
  await world.pass(1000)
  const { status, body } = fleet.readiness()
  assert.equal(status, 'learning')
  assert.ok('ready_in_ms' in body && body.ready_in_ms > 0 && body.ready_in_ms <= TTL_MS - 990)
  await world.pass(TTL_MS)
  assert.equal(fleet.readiness().status, 'ready')
  await fleet.close()
})

test('a lost store makes the process not ready under closed, and leaves it ready under the other policies', async () => {
  const world = new World()
  const [closed, open] = [world.fleet('a', 'closed'), world.fleet('b', 'open')]
  for (const fleet of [closed, open]) fleet.join('github', 4, hungryLane(2))
  await world.pass(100)
  world.hub.isSilent = true
  await world.pass(TTL_MS)
  assert.deepEqual(
    [closed, open].map((fleet) => [fleet.readiness().status, fleet.readiness().body.store]),
    [
      ['store_unavailable', 'lost'],
      ['ready', 'lost'],
    ],
  )
  for (const fleet of [closed, open]) await fleet.close()
})

test('the mode of the process is the worst mode of its tools', async () => {
  const world = new World()
  const fleet = world.fleet('a')
  fleet.join('github', 4, hungryLane(2))
  await world.pass(100)
  world.hub.isSilent = true
  fleet.join('browser', 4, hungryLane(2))
  await world.pass(200)
  assert.equal(fleet.readiness().body.store, 'joining')
  await fleet.close()
})

test('when the process leaves a tool, the slots of that tool go to the others at once', async () => {
  const world = new World()
  const [a, b] = [world.fleet('a'), world.fleet('b')]
  for (const tool of ['github', 'browser']) a.join(tool, 4, hungryLane(4))
  await world.pass(20)
  b.join('github', 4, hungryLane(4))
  b.join('browser', 4, hungryLane(4))
  await world.pass(20)
  a.leave('github')
  await world.pass(20)
  assert.equal(a.status('github'), undefined)
  assert.deepEqual([b.status('github')?.held, a.status('browser')?.held], [4, 2])
  await world.pass(TTL_MS)
  assert.deepEqual([b.status('github')?.sidecars, a.status('browser')?.sidecars], [1, 2])
  await Promise.all([a.close(), b.close()])
})

test('the last report of a tool waits for the one under way, and has a lower order than reports after joining again', async () => {
  const clock = new VirtualClock({ nowMs: 1000 })
  const sent: { readonly report: Report; readonly fail: () => void }[] = []
  const store: FleetStore = {
    report: (report) =>
      new Promise((_, reject) => sent.push({ report, fail: () => reject(new Error('cut')) })),
    listen: () => undefined,
    close: () => Promise.resolve(),
  }
  const settings = { name: 'test', leaseTtlMs: TTL_MS, onStoreLoss: 'open' } as const
  const parts = { open: () => store, clock, random: () => 0.5, sidecar: 'a', tell: () => undefined }
  const fleet = new Fleet(settings, parts)
  fleet.join('github', 4, hungryLane(3))
  fleet.leave('github')
  clock.advance(1)
  fleet.join('github', 4, hungryLane(3))
  assert.deepEqual(
    sent.map(({ report }) => report.isLeaving),
    [false, false],
  )
  sent[0]?.fail()
  for (let i = 0; i < 12; i++) await Promise.resolve()
  const [, rejoined, last] = sent.map(({ report }) => report)
  assert.ok(rejoined && last)
  assert.equal(last.isLeaving, true)
  assert.ok(last.order < rejoined.order, 'the store would end the new session')
})

test('a process that ends gives back the slots of every tool', async () => {
  const world = new World()
  const [a, b] = [world.fleet('a'), world.fleet('b')]
  for (const tool of ['github', 'browser']) a.join(tool, 4, hungryLane(4))
  await world.pass(20)
  await a.close()
  for (const tool of ['github', 'browser']) b.join(tool, 4, hungryLane(4))
  await world.pass(20)
  assert.deepEqual([b.status('github')?.held, b.status('browser')?.held], [4, 4])
  await b.close()
  assert.equal(world.clock.timers, 0)
})

test('calls above the slots count as beyond the fleet only if slots were lost', async () => {
  const world = new World()
  const fleet = world.fleet('a', 'closed')
  fleet.join('github', 4, hungryLane(3))
  await world.pass(20)
  assert.deepEqual([fleet.isBeyond('github', 3), fleet.isBeyond('github', 4)], [false, true])
  assert.equal(fleet.isBeyond('unknown', 4), false)
  world.hub.isSilent = true
  await world.pass(TTL_MS)
  assert.equal(fleet.isBeyond('github', 3), true)
  await fleet.close()
})
