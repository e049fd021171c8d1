/**
 * The contract of the port src/fleet/store.ts, run against all three stores: the one in memory on virtual time, a real Redis
 * and a real PostgreSQL.
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

// The tests mostly wait for sessions to end, so the three stores are tested at the same time.
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

      test(`${name}: slots are given up to the cap`, async () => {
        const [a, b] = (await fleet.members(2, 3)) as [Client, Client]
        await a.want(2)
        await b.want(2)
        assert.deepEqual([a.held, b.held], [2, 1])
        const { waiting, claimants, sidecars } = await a.want(0)
        assert.deepEqual({ waiting, claimants, sidecars }, { waiting: 1, claimants: 2, sidecars: 2 })
      })

      test(`${name}: a slot given back goes to the longest-waiting sidecar, and only that one gets news`, async () => {
        const [holder, first, second, third] = (await fleet.members(4, 1)) as [Client, Client, Client, Client]
        await holder.want(1)
        for (const member of [first, second, third]) await member.want(1)
        await holder.giveBack(1)
        await eventually(() => assert.equal(first.news.at(-1)?.given, 1))
        assert.equal(first.news.at(-1)?.epoch, first.epoch)
        assert.deepEqual([second.news.length, third.news.length], [0, 0])
      })

      test(`${name}: each sidecar in the line gets one slot a turn, however many it wants`, async () => {
        const [holder, greedy, modest] = (await fleet.members(3, 2)) as [Client, Client, Client]
        await holder.want(2)
        await greedy.want(5)
        await modest.want(1)
        await holder.giveBack(2)
        assert.equal((await greedy.want(5)).given, 1)
        assert.equal((await modest.want(0)).given, 1)
      })

      test(`${name}: a sidecar that is alone in the line gets the whole cap`, async () => {
        const [busy, idle] = (await fleet.members(2, 8)) as [Client, Client]
        await idle.want(0)
        assert.equal((await busy.want(20)).given, 8)
      })

      test(`${name}: a sidecar that gives back a slot and wants one again goes to the end of the line`, async () => {
        const [a, b] = (await fleet.members(2, 1)) as [Client, Client]
        await a.want(2)
        await b.want(1)
        await a.giveBack(1, 1)
        assert.deepEqual([a.held, (await b.want(0)).given], [0, 1])
      })

      test(`${name}: a report that arrives twice or late has no second effect`, async () => {
        const [a, b] = (await fleet.members(2, 2)) as [Client, Client]
        await a.want(2)
        await a.giveBack(1)
        await a.say({ returned: 1, order: 3 })
        await a.say({ returned: 0, want: 7, order: 1 })
        assert.equal(a.given - 1, 1, 'the report that came twice gave back two slots')
        assert.equal((await b.want(2)).given, 1)
        assert.equal((await a.say({ returned: 1 })).given, 2, 'the want of the late report counted')
      })

      test(`${name}: a slot whose answer was lost is free again`, async () => {
        const [a, b] = (await fleet.members(2, 2)) as [Client, Client]
        await a.say({ want: 2, epoch: 0, order: 1 })
        a.epoch = 0
        await a.say({ want: 0, held: 0, order: 2 })
        assert.equal(a.held, 0)
        assert.equal((await b.want(2)).given, 2)
      })

      test(`${name}: the slots of a sidecar that sent no report for one TTL go to the next in line`, async () => {
        const [dead, alive] = (await fleet.members(2, 2, SHORT_TTL_MS)) as [Client, Client]
        await dead.want(2)
        for (let i = 0; i < 2; i++) {
          assert.equal((await alive.want(1)).given, 0)
          await world.pass(SHORT_TTL_MS / 2)
        }
        assert.equal((await alive.want(1)).given, 1)
        const back = await dead.want(0)
        assert.equal(back.given, 0, 'a claim counted although the store has its memory')
        assert.equal(back.claimants, 1)
      })

      test(`${name}: a sidecar that reports keeps its slots beyond the TTL`, async () => {
        const [holder, other] = (await fleet.members(2, 1, SHORT_TTL_MS)) as [Client, Client]
        await holder.want(1)
        for (let i = 0; i < 4; i++) {
          await world.pass(SHORT_TTL_MS / 3)
          await holder.want(0)
        }
        assert.equal(holder.held, 1)
        assert.equal((await other.want(1)).given, 0)
      })

      test(`${name}: when a sidecar begins to wait, only sidecars that hold slots get news`, async () => {
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

      test(`${name}: a store without a memory gives no slots for one TTL and takes over the held ones, and then gives the rest`, async () => {
        const [a, b] = (await fleet.members(2, 4, SHORT_TTL_MS)) as [Client, Client]
        // Slots given back in the old session must not reduce those taken over.
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
        assert.equal(late.given, 2, 'the rest of the cap was not given')
        assert.equal(late.pausedMs, 0)
      })

      test(`${name}: held slots are taken over up to the cap`, async () => {
        const [a, b] = (await fleet.members(2, 3, SHORT_TTL_MS)) as [Client, Client]
        await world.forget()
        await a.say({ held: 2 })
        assert.equal((await b.say({ held: 2 })).given, 1)
      })

      test(`${name}: after the cap was lowered no slot is given while more are held, and holders learn that others wait`, async () => {
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

      test(`${name}: of different caps the smallest counts for all, and a sidecar at its cap does not block the line`, async () => {
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
        assert.deepEqual(now, [1, 7, 3], 'the slots held are not 1, 4 and 3')
      })

      test(`${name}: a late report of an ended session does not end the present session`, async () => {
        const [a, b] = (await fleet.members(2, 2)) as [Client, Client]
        await a.want(1)
        const old = { epoch: a.epoch, held: 1, want: 2, order: 2 }
        await a.say({ epoch: a.epoch - 1, order: 7 })
        await a.say({ want: 2, order: 8 })
        const { epoch, given } = a
        const late = await a.store.report({ tool: a.tool, cap: 2, returned: 1, isLeaving: false, ...old })
        assert.deepEqual([late.epoch, late.given], [epoch, given])
        assert.equal((await b.want(1)).given, 0, 'a slot was given above the cap')
      })

      test(`${name}: after one TTL without any report no new slot is given for another TTL, and held slots are taken over`, async () => {
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

      test(`${name}: a waiting sidecar is told when the next session ends`, async () => {
        const [a, b] = (await fleet.members(2, 1, SHORT_TTL_MS)) as [Client, Client]
        assert.equal((await a.want(1)).nextEndMs, 0)
        const { nextEndMs } = await b.want(1)
        assert.ok(nextEndMs > 0 && nextEndMs <= SHORT_TTL_MS, `${nextEndMs}`)
        await world.pass(nextEndMs / 2)
        await world.pass((await b.want(1)).nextEndMs)
        assert.equal((await b.want(1)).given, 1)
      })

      test(`${name}: every sidecar is told the number of sidecars and its own rank`, async () => {
        const members = await fleet.members(3, 1)
        for (const member of members) await member.want(0)
        const standings = await Promise.all(members.map((member) => member.want(0)))
        assert.deepEqual(
          standings.map(({ rank, sidecars }) => [rank, sidecars]),
          [0, 1, 2].map((rank) => [rank, 3]),
        )
      })

      test(`${name}: fleets with other names and tools with other names share no slots`, async () => {
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

      test(`${name}: in any history every sidecar gets the same answers as from the ledger`, async () => {
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

      test(`${name}: a sidecar above the bound of one tool is refused with FLEET_FULL`, async () => {
        const [late] = (await fleet.members(1, 1)) as [Client]
        await world.fill(FLEET, late.tool)
        await assert.rejects(late.want(1), { code: 'FLEET_FULL' })
      })
    })
  }
})
