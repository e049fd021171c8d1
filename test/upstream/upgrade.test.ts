/**
 * A connection that becomes a tunnel: which answers of the tool count as the switch, the bytes both ways, and each way in
 * which a tunnel ends.
 */
import assert from 'node:assert/strict'
import { duplexPair } from 'node:stream'
import type { Duplex } from 'node:stream'
import { test } from 'node:test'
import type { Tunnel } from '../../src/listen/caller.ts'
import { isSwitchedTo, refusedSwitch } from '../../src/upstream/upgrade.ts'
import { FakeCaller } from '../support/fake-caller.ts'
import { AttemptRig, turns } from './attempt-rig.ts'

const SWITCHES: readonly [upgrade: readonly string[], isSwitched: boolean][] = [
  [[], true],
  [['websocket'], true],
  [['WebSocket'], true],
  [['h2c, websocket'], true],
  [['h2c', 'websocket'], true],
  [['h2c'], false],
  [['websocket2'], false],
]

for (const [upgrade, isSwitched] of SWITCHES) {
  test(`a switch to [${upgrade.join('; ')}] is ${isSwitched ? '' : 'not '}the one to websocket that was asked for`, () => {
    const raw = upgrade.flatMap((value) => [Buffer.from('Upgrade'), Buffer.from(value)])
    assert.equal(isSwitchedTo('websocket', raw), isSwitched)
  })
}

test('a refused switch closes the connection to the tool', () => {
  const [toTool] = duplexPair()
  assert.equal(refusedSwitch(toTool).code, 'UNSENDABLE')
  assert.equal(toTool.destroyed, true)
})

class EarlyCaller extends FakeCaller {
  override tunnel(protocol: string, headers: readonly string[]): Tunnel {
    return { ...super.tunnel(protocol, headers), early: Buffer.from('early ') }
  }
}

/** What comes out of this end, so far. */
function heardAt(end: Duplex): () => string {
  let heard = ''
  end.on('error', () => undefined).on('data', (piece: Buffer) => (heard += piece.toString()))
  return () => heard
}

function open({ caller = new FakeCaller({ protocol: 'websocket' }) } = {}) {
  const rig = new AttemptRig({ protocol: 'websocket', caller })
  const [toTool, tool] = duplexPair()
  rig.clock.advance(5)
  rig.tool.upgrade(toTool, ['Upgrade', 'websocket', 'X-A', '1'])
  const { farEnd } = caller.tunnels[0]!
  return { rig, caller, toTool, tool, farEnd, atTool: heardAt(tool), atCaller: heardAt(farEnd) }
}

test('a tunnel tells the caller the protocol and the own headers of Spillway', () => {
  const { rig, caller } = open()
  assert.equal(caller.tunnels[0]?.protocol, 'websocket')
  assert.deepEqual(caller.heads, [
    {
      status: 101,
      headers: ['X-A', '1', 'Server-Timing', 'queue;dur=12.5', 'X-Spillway-Tool', 't'],
    },
  ])
  assert.deepEqual(rig.owner.answers, [{ status: 101, firstByteMs: 5 }])
  assert.equal(rig.lease.acceptances, 1)
})

test('a tunnel carries bytes both ways, and each piece renews the lease', async () => {
  const { rig, tool, farEnd, atTool, atCaller } = open()
  const { renewals } = rig.lease
  tool.write('from tool')
  await turns()
  assert.deepEqual([atCaller(), rig.lease.renewals], ['from tool', renewals + 1])
  farEnd.write('from caller')
  await turns()
  assert.deepEqual([atTool(), rig.lease.renewals], ['from caller', renewals + 2])
  assert.deepEqual([rig.ends, rig.results], [[], []])
})

test('bytes that the caller sent before the switch reach the tool first', async () => {
  const { farEnd, atTool } = open({ caller: new EarlyCaller({ protocol: 'websocket' }) })
  farEnd.write('late')
  await turns()
  assert.equal(atTool(), 'early late')
})

/** `isAtOnce`: it does not wait for a peer to close in its turn. */
const ENDS: readonly [name: string, act: (of: ReturnType<typeof open>) => void, isAtOnce?: true][] = [
  ['the tool closes it', ({ tool }) => tool.end()],
  ['the tool breaks it', ({ toTool }) => toTool.destroy(new Error('reset')), true],
  ['the caller closes it', ({ farEnd }) => farEnd.end()],
  ['the caller breaks it', ({ farEnd }) => farEnd.destroy()],
  ['its lease is reclaimed', ({ rig }) => rig.lease.reclaim(), true],
  ['its attempt is given back', ({ rig }) => rig.attempt.giveBack(), true],
]

for (const [name, act, isAtOnce] of ENDS) {
  test(`a tunnel ends on both sides when ${name}, and its lease says nothing about the tool`, async () => {
    const of = open()
    const { rig, toTool, farEnd } = of
    rig.clock.advance(1000)
    act(of)
    await turns()
    if (isAtOnce !== true) {
      farEnd.end()
      of.tool.end()
      await turns()
    }
    assert.deepEqual([toTool.destroyed, rig.ends], [true, ['completed ignored']])
    assert.deepEqual(rig.owner.results, [
      { kind: 'passed', outcome: 'completed', durationMs: 1005, fault: undefined },
    ])
    rig.lease.reclaim()
    rig.attempt.giveBack()
    rig.attempt.callerLeft('cancel')
    assert.equal(rig.lease.ends.length, 1)
  })
}

test('the bytes of a tunnel are not counted by the connection that it was', () => {
  const rig = new AttemptRig({ protocol: 'websocket' })
  const [toTool] = duplexPair()
  Object.defineProperty(toTool, 'read', { value: () => null, configurable: true })
  rig.tool.upgrade(toTool)
  assert.equal(Object.hasOwn(toTool, 'read'), false)
})

test('the last bytes of a tool that closes still reach the caller', async () => {
  const { tool, atCaller } = open()
  tool.end('bye')
  await turns()
  assert.equal(atCaller(), 'bye')
})

test('a tool that switches to another protocol fails the call', () => {
  const rig = new AttemptRig({ protocol: 'websocket' })
  const [toTool] = duplexPair()
  rig.tool.upgrade(toTool, ['Upgrade', 'h2c'])
  assert.deepEqual([rig.ends, rig.results], [['failed dropped'], ['failed UPSTREAM_FAILED head malformed']])
  assert.deepEqual([toTool.destroyed, rig.caller.heads, rig.lease.acceptances], [true, [], 0])
})

test('a tool that refuses the switch answers the call as any other', () => {
  const rig = new AttemptRig({ protocol: 'websocket' })
  assert.equal(rig.tool.options.upgrade, 'websocket')
  rig.tool.respond(426, 'no')
  assert.deepEqual([rig.caller.status, rig.caller.text], [426, 'no'])
  assert.deepEqual([rig.ends, rig.results], [['completed ignored'], ['passed completed']])
})

test('a switch that nobody asked for closes the connection and ends the call', () => {
  const rig = new AttemptRig()
  const [toTool] = duplexPair()
  rig.tool.upgrade(toTool)
  assert.deepEqual([toTool.destroyed, rig.results, rig.lease.ends.length], [true, ['passed cancelled'], 1])
})

test('an error in telling the caller of the switch closes the connection to the tool', () => {
  const rig = new AttemptRig({ protocol: 'websocket' })
  const [toTool] = duplexPair()
  rig.caller.failing = 'head'
  rig.tool.upgrade(toTool, ['Upgrade', 'websocket'])
  assert.match(String(rig.owner.errors), /head fails/)
  assert.equal(toTool.destroyed, true)
  rig.attempt.giveBack()
  assert.deepEqual(rig.ends, ['failed ignored'])
})
