/**
 * The leases of workers, from the request for one to its end: granted, renewed, ended, reclaimed, lost to the fleet, and
 * what a worker that leaves, a shutdown and an internal error do to them.
 */
import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'
import type { FakeCaller } from '../support/fake-caller.ts'
import { oneTool, World } from './world.ts'

interface Shown {
  readonly lease_id: string
  readonly tool: string
  readonly job_id: string | null
  readonly expires_at: string
  readonly heartbeat_at: string
  readonly epoch: number
}

/** The lease that this worker was granted. */
function shownTo(worker: FakeCaller): Shown {
  assert.equal(worker.status, 201, worker.text)
  return worker.json as unknown as Shown
}

function held(world: World, wanted: Parameters<World['lease']>[0] = {}): Shown {
  return shownTo(world.lease(wanted))
}

test('a worker is granted a lease: its id, its job, when it was renewed and when it expires', async () => {
  const world = new World(oneTool())
  const worker = world.lease({ jobId: 'crawl-7', leaseMs: 30_000 })
  const lease = shownTo(worker)
  assert.equal(worker.header('location'), `/leases/${lease.lease_id}`)
  assert.deepEqual([lease.tool, lease.job_id], ['t', 'crawl-7'])
  const nowMs = world.clock.wallMs()
  assert.equal(lease.heartbeat_at, new Date(nowMs).toISOString())
  assert.equal(lease.expires_at, new Date(nowMs + 30_000).toISOString())
  assert.deepEqual([world.depths(), world.exchanges], [{ runs: 1, waits: 0 }, []])
  world.pipeline.leases.end(lease.lease_id, 'ok')
  await world.isQuiet()
})

test("a lease without a time or a job of its own has the lane's time and no job", () => {
  const world = new World(oneTool('leaseSeconds: 7'))
  const lease = held(world)
  assert.equal(lease.expires_at, new Date(world.clock.wallMs() + 7000).toISOString())
  assert.equal(lease.job_id, null)
})

test('a renewal moves the end of the lease and keeps its epoch', async () => {
  const world = new World(oneTool())
  const { lease_id, epoch } = held(world, { leaseMs: 10_000 })
  world.clock.advance(9000)
  const renewed = world.pipeline.leases.renew(lease_id) as Shown
  const nowMs = world.clock.wallMs()
  assert.deepEqual([renewed.lease_id, renewed.epoch], [lease_id, epoch])
  assert.equal(renewed.heartbeat_at, new Date(nowMs).toISOString())
  assert.equal(renewed.expires_at, new Date(nowMs + 10_000).toISOString())
  world.clock.advance(9999)
  assert.equal(world.depths().runs, 1)
  world.pipeline.leases.end(lease_id, 'ok')
  await world.isQuiet()
})

for (const [verdict, end] of [
  ['ok', 'completed ok'],
  ['dropped', 'completed dropped'],
  ['ignored', 'completed ignored'],
] as const) {
  test(`a worker ends its lease with the verdict ${verdict}, and a second end changes nothing`, async () => {
    const world = new World(oneTool())
    const { lease_id } = held(world)
    world.clock.advance(4000)
    assert.equal(world.pipeline.leases.end(lease_id, verdict), true)
    assert.deepEqual([world.leaseEnds, world.outcomes], [[end], ['completed']])
    assert.equal(world.eventsOf('finished')[0]?.durationMs, 4000)
    assert.equal(world.pipeline.leases.end(lease_id, 'dropped'), false)
    assert.equal(world.pipeline.leases.renew(lease_id), undefined)
    assert.deepEqual([world.leaseEnds, world.outcomes], [[end], ['completed']])
    assert.equal(world.eventsOf('ended_twice').length, 0)
    await world.isQuiet()
  })
}

test('the slot of a lease that ends goes to the worker that waits', async () => {
  const world = new World(oneTool())
  const first = held(world)
  const second = world.lease()
  assert.deepEqual([second.status, world.depths()], [undefined, { runs: 1, waits: 1 }])
  world.pipeline.leases.end(first.lease_id, 'ok')
  const { lease_id } = shownTo(second)
  world.pipeline.leases.end(lease_id, 'ok')
  await world.isQuiet()
})

test('a lease that is not renewed in time is reclaimed, says nothing about the tool, and cannot come back', async () => {
  const world = new World(oneTool())
  const { lease_id } = held(world, { leaseMs: 5000 })
  world.clock.advance(4999)
  assert.equal(world.depths().runs, 1)
  world.clock.advance(1000)
  assert.deepEqual([world.leaseEnds, world.outcomes], [['reclaimed ignored'], ['broken']])
  assert.equal(world.pipeline.leases.renew(lease_id), undefined)
  assert.equal(world.pipeline.leases.end(lease_id, 'ok'), false)
  await world.isQuiet()
})

test('a renewal is refused, and the lease ends, when the fleet has given its slot to another sidecar', async () => {
  const world = new World(oneTool())
  const { lease_id } = held(world)
  world.isBeyondFleet = true
  assert.equal(world.pipeline.leases.renew(lease_id), undefined)
  assert.deepEqual([world.leaseEnds, world.outcomes], [['cancelled ignored'], ['broken']])
  assert.equal(world.pipeline.leases.end(lease_id, 'ok'), false)
  await world.isQuiet()
})

test('of two leases, the loss of one slot to the fleet ends one: the next renewal finds enough slots', async () => {
  const world = new World(oneTool().replace('maxConcurrent: 1', 'maxConcurrent: 2'))
  const [first, second] = [held(world), held(world)]
  world.isBeyondFleet = true
  assert.equal(world.pipeline.leases.renew(first.lease_id), undefined)
  world.isBeyondFleet = false
  assert.notEqual(world.pipeline.leases.renew(second.lease_id), undefined)
  assert.equal(world.depths().runs, 1)
  world.pipeline.leases.end(second.lease_id, 'ok')
  await world.isQuiet()
})

test('a worker that leaves while it waits leaves the queue', async () => {
  const world = new World(oneTool())
  const { lease_id } = held(world)
  const waiting = world.lease()
  waiting.leave()
  assert.deepEqual([world.depths(), world.outcomes], [{ runs: 1, waits: 0 }, ['cancelled']])
  world.pipeline.leases.end(lease_id, 'ok')
  assert.equal(world.eventsOf('started').length, 1)
  await world.isQuiet()
})

test('a worker that has gone in the moment of its grant gives the lease back', async () => {
  const world = new World(oneTool())
  const { lease_id } = held(world)
  const waiting = world.lease()
  // The end of the exchange is told in a later turn.
  waiting.cut()
  world.pipeline.leases.end(lease_id, 'ok')
  assert.deepEqual(world.leaseEnds, ['completed ok', 'cancelled ignored'])
  assert.equal(waiting.status, undefined)
  await world.isQuiet()
})

test('a worker keeps its lease when the exchange that asked for it is over', async () => {
  const world = new World(oneTool())
  const worker = world.lease()
  const { lease_id } = shownTo(worker)
  await turn()
  worker.leave()
  assert.equal(world.depths().runs, 1)
  assert.notEqual(world.pipeline.leases.renew(lease_id), undefined)
  world.pipeline.leases.end(lease_id, 'ok')
  await world.isQuiet()
})

test('a worker waits as long as it said, and is then refused', async () => {
  const world = new World(oneTool())
  const { lease_id } = held(world, { leaseMs: 60_000 })
  const waiting = world.lease({ waitMs: 500 })
  world.clock.advance(499)
  assert.equal(waiting.status, undefined)
  world.clock.advance(1)
  assert.deepEqual([waiting.status, world.reasons], [429, ['QUEUE_TTL_EXPIRED']])
  world.pipeline.leases.end(lease_id, 'ok')
  await world.isQuiet()
})

test('a worker gets the class that it asked for, as far as the lane allows it', () => {
  const world = new World(
    oneTool('priority: { max: normal, default: low }').replace('maxConcurrent: 1', 'maxConcurrent: 9'),
  )
  for (const priority of ['low', 'normal', 'critical', undefined] as const) world.lease({ priority })
  const classes = world.eventsOf('started').map(({ priority }) => priority)
  assert.deepEqual(classes, ['low', 'normal', 'normal', 'low'])
})

test('workers of one agent wait behind the first of another', async () => {
  const world = new World(oneTool('fairness: { by: X-Team }'))
  const first = held(world, { leaseMs: 60_000 })
  const waiting = ['a', 'a', 'b'].map((agent) => world.lease({ agent }))
  world.pipeline.leases.end(first.lease_id, 'ok')
  world.pipeline.leases.end(shownTo(waiting[0] as FakeCaller).lease_id, 'ok')
  assert.deepEqual(
    waiting.map(({ status }) => status),
    [201, undefined, 201],
  )
  for (const worker of [waiting[2], waiting[1]] as FakeCaller[])
    world.pipeline.leases.end(shownTo(worker).lease_id, 'ok')
  await world.isQuiet()
})

test('each epoch is greater than the one before, also within one millisecond, and follows the clock', () => {
  const world = new World(oneTool().replace('maxConcurrent: 1', 'maxConcurrent: 9'))
  const startMs = world.clock.wallMs()
  const epochs = [held(world).epoch, held(world).epoch, held(world).epoch]
  assert.deepEqual(epochs, [startMs, startMs + 1, startMs + 2])
  world.clock.advance(1)
  assert.equal(held(world).epoch, startMs + 3)
  world.clock.advance(1000)
  assert.equal(held(world).epoch, startMs + 1001)
})

test('a shutdown waits for the leases that workers hold', async () => {
  const world = new World(oneTool())
  const { lease_id } = held(world)
  await turn()
  let isOver = false
  const over = world.drain.start().then(() => (isOver = true))
  await turn()
  assert.deepEqual([isOver, world.drain.open], [false, 1])
  assert.notEqual(world.pipeline.leases.renew(lease_id), undefined, 'a lease is renewed in a drain, too')
  world.pipeline.leases.end(lease_id, 'ok')
  await over
  await world.isQuiet()
})

test('a shutdown does not wait for a lease that was reclaimed', async () => {
  const world = new World(oneTool())
  held(world, { leaseMs: 1000 })
  await turn()
  const over = world.drain.start()
  world.clock.advance(5000)
  await over
  await world.isQuiet()
})

test('in a drain a worker gets no new lease, and is told when to come back', async () => {
  const world = new World(oneTool())
  void world.drain.start()
  const worker = world.lease()
  assert.deepEqual([worker.status, worker.header('x-spillway-reason')], [503, 'DRAINING'])
  assert.ok(Number(worker.header('retry-after-ms')) > 0)
  await world.isQuiet()
})

for (const failing of ['head', 'end'] as const) {
  test(`an internal error at the ${failing} of the answer with a lease gives that lease back, and no other`, async () => {
    const world = new World(oneTool().replace('maxConcurrent: 1', 'maxConcurrent: 2'))
    const other = held(world)
    const blocked = held(world)
    const worker = world.lease()
    worker.failing = failing
    world.pipeline.leases.end(blocked.lease_id, 'ok')
    if (failing === 'head') assert.equal(worker.header('x-spillway-reason'), 'INTERNAL')
    else assert.equal(worker.isCut, true)
    assert.equal(world.depths().runs, 1)
    assert.notEqual(world.pipeline.leases.renew(other.lease_id), undefined)
    world.pipeline.leases.end(other.lease_id, 'ok')
    await world.isQuiet(1)
  })
}

test('an internal error when the worker asks its lane is answered with INTERNAL, and the next worker is served', async () => {
  const world = new World(oneTool())
  const { gate } = world.side.tool('t')
  Object.defineProperty(gate, 'enter', {
    value: () => {
      throw new Error('made up: enter fails')
    },
    configurable: true,
  })
  const worker = world.lease()
  assert.deepEqual([worker.status, worker.header('x-spillway-reason')], [500, 'INTERNAL'])
  Reflect.deleteProperty(gate, 'enter')
  world.pipeline.leases.end(held(world).lease_id, 'ok')
  await world.isQuiet(1)
})
