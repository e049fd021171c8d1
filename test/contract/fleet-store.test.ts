/**
 * What src/fleet/store.ts promises, held against all three stores: in memory on virtual time, and the real servers.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import * as fc from 'fast-check'
import { eventually } from '../support/eventually.ts'
import { STEP, take } from './fleet-history.ts'
import { FLEET, fleetOn, Client, WORLDS } from './fleet-worlds.ts'
import type { World } from './fleet-worlds.ts'

const SHORT_TTL_MS = 600
const HISTORIES = 40

// They mostly wait for sessions to end: each for its own, one beside the other.
describe('the stores of a fleet', { concurrency: true }, () => {
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

      test(`${name}: slots are given up to the cap, and no more`, async () => {
        const [a, b] = (await fleet.members(2, 3)) as [Client, Client]
        await a.want(2)
        await b.want(2)
        assert.deepEqual([a.held, b.held], [2, 1])
        const { waiting, claimants, sidecars } = await a.want(0)
        assert.deepEqual({ waiting, claimants, sidecars }, { waiting: 1, claimants: 2, sidecars: 2 })
      })

      test(`${name}: a slot given back goes to the longest-waiting sidecar, and only that one is told`, async () => {
        const [holder, first, second, third] = (await fleet.members(4, 1)) as [Client, Client, Client, Client]
        await holder.want(1)
        for (const member of [first, second, third]) await member.want(1)
        await holder.giveBack(1)
        await eventually(() => assert.equal(first.news.at(-1)?.given, 1))
        assert.equal(first.news.at(-1)?.epoch, first.epoch)
        assert.deepEqual([second.news.length, third.news.length], [0, 0])
      })

      test(`${name}: one slot a turn, so that who wants many does not keep the others waiting`, async () => {
        const [holder, greedy, modest] = (await fleet.members(3, 2)) as [Client, Client, Client]
        await holder.want(2)
        await greedy.want(5)
        await modest.want(1)
        await holder.giveBack(2)
        assert.equal((await greedy.want(5)).given, 1)
        assert.equal((await modest.want(0)).given, 1)
      })

      test(`${name}: alone in the line, one sidecar takes the whole cap`, async () => {
        const [busy, idle] = (await fleet.members(2, 8)) as [Client, Client]
        await idle.want(0)
        assert.equal((await busy.want(20)).given, 8)
      })

      test(`${name}: who gives back and wants again stands at the end of the line`, async () => {
        const [a, b] = (await fleet.members(2, 1)) as [Client, Client]
        await a.want(2)
        await b.want(1)
        await a.giveBack(1, 1)
        assert.deepEqual([a.held, (await b.want(0)).given], [0, 1])
      })

      test(`${name}: a statement said twice or late gives back nothing twice and wants nothing again`, async () => {
        const [a, b] = (await fleet.members(2, 2)) as [Client, Client]
        await a.want(2)
        await a.giveBack(1)
        await a.say({ returned: 1, order: 3 })
        await a.say({ returned: 0, want: 7, order: 1 })
        assert.equal(a.given - 1, 1, 'one of two is still held')
        assert.equal((await b.want(2)).given, 1)
        assert.equal((await a.say({ returned: 1 })).given, 2, 'the late wish was not heard')
      })

      test(`${name}: an answer that was lost leaves no slot behind`, async () => {
        const [a, b] = (await fleet.members(2, 2)) as [Client, Client]
        await a.say({ want: 2, epoch: 0, order: 1 })
        a.epoch = 0
        await a.say({ want: 0, held: 0, order: 2 })
        assert.equal(a.held, 0)
        assert.equal((await b.want(2)).given, 2)
      })

      test(`${name}: who is not heard of for one TTL has lost its slots to the next in line`, async () => {
        const [dead, alive] = (await fleet.members(2, 2, SHORT_TTL_MS)) as [Client, Client]
        await dead.want(2)
        for (let i = 0; i < 2; i++) {
          assert.equal((await alive.want(1)).given, 0)
          await world.pass(SHORT_TTL_MS / 2)
        }
        assert.equal((await alive.want(1)).given, 1)
        const back = await dead.want(0)
        assert.equal(back.given, 0, 'a claim does not count while the store remembers')
        assert.equal(back.claimants, 1)
      })

      test(`${name}: who speaks keeps its slots beyond the TTL`, async () => {
        const [holder, other] = (await fleet.members(2, 1, SHORT_TTL_MS)) as [Client, Client]
        await holder.want(1)
        for (let i = 0; i < 4; i++) {
          await world.pass(SHORT_TTL_MS / 3)
          await holder.want(0)
        }
        assert.equal(holder.held, 1)
        assert.equal((await other.want(1)).given, 0)
      })

      test(`${name}: who holds slots is told that another begins to wait, and nobody else`, async () => {
        const [rich, poor, idle, waiting] = (await fleet.members(4, 4)) as [Client, Client, Client, Client]
        await rich.want(3)
        await poor.want(1)
        await idle.want(0)
        await waiting.want(1)
        await eventually(() => assert.equal(rich.news.at(-1)?.waiting, 1))
        await eventually(() => assert.equal(poor.news.at(-1)?.waiting, 1))
        assert.equal(rich.news.at(-1)?.claimants, 3)
        assert.equal(idle.news.length, 0)
      })

      test(`${name}: a store that knows nothing gives nothing for one TTL, takes over what is held, and then gives`, async () => {
        const [a, b] = (await fleet.members(2, 4, SHORT_TTL_MS)) as [Client, Client]
        // What was given back before must not count against what is taken over.
        await a.want(3)
        await a.giveBack(1)
        const { epoch } = a
        await world.forget()
        const early = await b.want(4)
        assert.ok(early.pausedMs > 0 && early.pausedMs <= SHORT_TTL_MS, `paused ${early.pausedMs}`)
        assert.equal(early.given, 0)
        await a.want(0)
        assert.equal(a.held, 2)
        assert.notEqual(a.epoch, epoch)
        await world.pass(SHORT_TTL_MS / 2)
        await Promise.all([a.want(0), b.want(4)])
        await world.pass(SHORT_TTL_MS / 2)
        const late = await b.want(4)
        assert.equal(late.given, 2, 'the rest of the cap')
        assert.equal(late.pausedMs, 0)
      })

      test(`${name}: more is not taken over than the cap allows`, async () => {
        const [a, b] = (await fleet.members(2, 3, SHORT_TTL_MS)) as [Client, Client]
        await world.forget()
        await a.say({ held: 2 })
        assert.equal((await b.say({ held: 2 })).given, 1)
      })

      test(`${name}: under a cap that was lowered nothing is given, and holders see that slots are wanted back`, async () => {
        const [a, b] = (await fleet.members(2, 4)) as [Client, Client]
        await a.want(4)
        a.cap = 2
        b.cap = 2
        assert.equal((await a.want(0)).waiting, 1)
        assert.equal((await b.want(1)).given, 0)
        await a.giveBack(2)
        assert.equal((await b.want(1)).given, 0)
        await a.giveBack(1)
        assert.equal((await b.want(0)).given, 1)
      })

      test(`${name}: of different caps the smallest counts for all, and nobody stands before who may go`, async () => {
        const [small, large, third] = (await fleet.members(3, 8)) as [Client, Client, Client]
        small.cap = 2
        assert.equal((await large.want(4)).cap, 8)
        assert.equal((await small.want(1)).cap, 2)
        const { given, cap, waiting } = await large.giveBack(3, 5)
        assert.deepEqual({ given, cap, waiting }, { given: 4, cap: 2, waiting: 0 })
        assert.equal((await small.want(0)).given, 1)
        assert.equal((await third.want(6)).given, 0)
        small.cap = 8
        await small.want(0)
        const now = [small, await large.want(0), await third.want(0)].map((each) => each.given)
        assert.deepEqual(now, [1, 7, 3], 'all eight are held: 1, 4 and 3')
      })

      test(`${name}: a statement of a session that is over, heard late, does not end the one that lives`, async () => {
        const [a, b] = (await fleet.members(2, 2)) as [Client, Client]
        await a.want(1)
        const old = { epoch: a.epoch, held: 1, want: 2, order: 2 }
        await a.say({ epoch: a.epoch - 1, order: 7 })
        await a.say({ want: 2, order: 8 })
        const { epoch, given } = a
        const late = await a.store.report({ tool: a.tool, cap: 2, returned: 1, isLeaving: false, ...old })
        assert.deepEqual([late.epoch, late.given], [epoch, given])
        assert.equal((await b.want(1)).given, 0, 'both slots are held')
      })

      test(`${name}: when nobody was heard for one TTL, nothing new is given for another, and what runs is taken over`, async () => {
        const [a, b] = (await fleet.members(2, 4, SHORT_TTL_MS)) as [Client, Client]
        await a.want(2)
        await b.want(2)
        await world.pass(SHORT_TTL_MS)
        const { pausedMs } = await b.say({ held: 1, want: 3 })
        assert.ok(pausedMs > 0 && pausedMs <= SHORT_TTL_MS, `paused ${pausedMs}`)
        assert.equal(b.given, 1)
        assert.equal((await a.say({ held: 2 })).given, 2)
        await world.pass(SHORT_TTL_MS / 2)
        await Promise.all([a.want(0), b.want(3)])
        await world.pass(SHORT_TTL_MS / 2)
        assert.equal((await b.want(3)).given, 2)
      })

      test(`${name}: who waits knows when the next session ends`, async () => {
        const [a, b] = (await fleet.members(2, 1, SHORT_TTL_MS)) as [Client, Client]
        assert.equal((await a.want(1)).nextEndMs, 0)
        const { nextEndMs } = await b.want(1)
        assert.ok(nextEndMs > 0 && nextEndMs <= SHORT_TTL_MS, `${nextEndMs}`)
        await world.pass(nextEndMs / 2)
        await world.pass((await b.want(1)).nextEndMs)
        assert.equal((await b.want(1)).given, 1)
      })

      test(`${name}: every sidecar knows how many live and which of them it is`, async () => {
        const members = await fleet.members(3, 1)
        for (const member of members) await member.want(0)
        const standings = await Promise.all(members.map((member) => member.want(0)))
        assert.deepEqual(
          standings.map(({ rank, sidecars }) => [rank, sidecars]),
          [0, 1, 2].map((rank) => [rank, 3]),
        )
      })

      test(`${name}: fleets of other names and tools of other names share nothing`, async () => {
        const [a, other] = (await fleet.members(2, 1)) as [Client, Client]
        const stranger = new Client(await fleet.world.open('staging', 'stranger', 1), a.tool, 1)
        await a.want(1)
        await stranger.want(0)
        await world.pass(2)
        await stranger.leave()
        assert.equal((await stranger.want(1)).given, 1)
        await stranger.store.close()
        assert.equal((await other.say({ tool: 'browser', want: 1 })).waiting, 0)
      })

      test(`${name}: any history leaves every sidecar where the ledger would`, async () => {
        const model = await WORLDS['memory']!()
        const modelFleet = await fleetOn(model, SHORT_TTL_MS)
        const history = fc.array(STEP, { maxLength: 20 })
        await fc.assert(
          fc.asyncProperty(fc.integer({ min: 1, max: 5 }), history, async (cap, steps) => {
            const mine = await fleet.members(4, cap)
            const theirs = await modelFleet.members(4, cap)
            for (const step of steps) {
              assert.deepEqual(await take(mine, step), await take(theirs, step))
              const held = mine.reduce((sum, member) => sum + member.held, 0)
              assert.ok(held <= cap, `${held} of ${cap}`)
            }
          }),
          { numRuns: HISTORIES },
        )
        await modelFleet[Symbol.asyncDispose]()
      })

      test(`${name}: the sidecars of one tool are bounded`, async () => {
        const [late] = (await fleet.members(1, 1)) as [Client]
        await world.fill(FLEET, late.tool)
        await assert.rejects(late.want(1), { code: 'FLEET_FULL' })
      })
    })
  }
})
