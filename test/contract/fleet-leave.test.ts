/**
 * The last report of a sidecar, on all three stores: its session ends, and all of its slots go to waiting sidecars at once.
 * Late reports of the ended session have no effect.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { eventually } from '../support/eventually.ts'
import { fleetOn, WORLDS } from './fleet-worlds.ts'
import type { Client, World } from './fleet-worlds.ts'

const SHORT_TTL_MS = 600

describe('a sidecar that leaves', { concurrency: true }, () => {
  for (const [name, start] of Object.entries(WORLDS)) {
    describe(`the ${name} store`, { concurrency: 1 }, () => {
      let world: World
      let fleet: Awaited<ReturnType<typeof fleetOn>>
      before(async () => {
        world = await start()
        fleet = await fleetOn(world, SHORT_TTL_MS)
      })
      after(async () => {
        await fleet[Symbol.asyncDispose]()
        await world[Symbol.asyncDispose]()
      })

      test(`${name}: a sidecar that leaves gives back all slots, and a second leave has no effect`, async () => {
        const [a, b] = (await fleet.members(2, 2)) as [Client, Client]
        await a.want(2)
        await b.want(2)
        const answer = await a.leave()
        assert.deepEqual(new Set(Object.values(answer)), new Set([0]), 'the answer to a leave has figures')
        await a.leave()
        await eventually(() => assert.equal(b.news.at(-1)?.given, 2))
        assert.equal((await b.want(0)).sidecars, 1)
      })

      test(`${name}: the smallest cap counts no longer when its sidecar has left`, async () => {
        const [small, large] = (await fleet.members(2, 4)) as [Client, Client]
        small.cap = 1
        await small.want(0)
        assert.equal((await large.want(4)).given, 1)
        await small.leave()
        await eventually(() => assert.deepEqual([large.news.at(-1)?.given, large.news.at(-1)?.cap], [4, 4]))
      })

      test(`${name}: a leave that arrives after the sidecar has joined again does not end the new session`, async () => {
        const [a, b] = (await fleet.members(2, 2)) as [Client, Client]
        await a.want(1)
        const late = { epoch: a.epoch, returned: 1, held: 0, want: 0, order: 2, isLeaving: true }
        await a.say({ epoch: 0, held: 0, want: 2, order: 3 })
        assert.equal(a.given, 2)
        await a.store.report({ tool: a.tool, cap: 2, ...late })
        assert.deepEqual([(await a.say({ order: 4 })).sidecars, a.held], [1, 2])
        assert.equal((await b.want(1)).given, 0)
      })

      test(`${name}: the leave of a sidecar that the store does not know begins no pause`, async () => {
        const [stranger, other] = (await fleet.members(2, 2)) as [Client, Client]
        await stranger.say({ epoch: 7, returned: 3, isLeaving: true })
        const { pausedMs, given, sidecars } = await other.want(2)
        assert.deepEqual({ pausedMs, given, sidecars }, { pausedMs: 0, given: 2, sidecars: 1 })
      })

      test(`${name}: while a store gives no slots, those of a sidecar that leaves go to no other sidecar`, async () => {
        const [a, b] = (await fleet.members(2, 2, SHORT_TTL_MS)) as [Client, Client]
        await a.want(2)
        await world.forget()
        await a.want(0)
        assert.ok((await b.want(2)).pausedMs > 0)
        assert.equal(a.held, 2, 'the claim was not taken over')
        await a.leave()
        assert.equal((await b.want(2)).given, 0)
      })
    })
  }
})
