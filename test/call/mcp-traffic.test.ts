/**
 * What passes beside the lanes of an MCP server is bounded, and calls are found only by who made them.
 */
import assert from 'node:assert/strict'
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { McpCall } from '../../src/call/mcp-call.ts'
import { OpenCalls } from '../../src/call/open-calls.ts'
import { McpTraffic } from '../../src/tools/mcp-traffic.ts'
import type { Gate } from '../../src/gate/gate.ts'
import type { Tool } from '../../src/tools/tools.ts'
import { laneSettings } from '../support/lane-settings.ts'
import { rethrow } from '../support/rethrow.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

/** How many enter at once before one is refused; none waits. */
function room(gate: Gate): number {
  for (let count = 0; ; count++) {
    const entry = gate.enter({}, () => undefined)
    if (entry.kind !== 'granted') {
      assert.equal(entry.kind, 'refused')
      return count
    }
  }
}

test('messages and streams have a bound each, neither takes the room of the other, and none waits', () => {
  const traffic = new McpTraffic(laneSettings({ maxConcurrent: 1 }), {
    clock: new VirtualClock(),
    random: () => 0,
    failed: rethrow,
  })
  assert.equal(room(traffic.streams), 1024)
  assert.equal(room(traffic.messages), 256)
  traffic.close('DRAINING')
})

test('a stream may be silent for hours, a message no longer than a call', () => {
  const clock = new VirtualClock()
  const traffic = new McpTraffic(laneSettings({ leaseMs: 1000 }), { clock, random: () => 0, failed: rethrow })
  for (const gate of [traffic.streams, traffic.messages]) gate.enter({}, () => undefined)
  clock.advance(3_600_000)
  assert.deepEqual([traffic.streams.lane.depths().active, traffic.messages.lane.depths().active], [1, 0])
  traffic.close('DRAINING')
  assert.equal(clock.timers, 0)
})

const toolOf = (tool: string): Tool => ({ tool, settings: { agentHeader: 'x-agent-id' } }) as unknown as Tool
const TOOL = toolOf('server')

function from(...rawHeaders: string[]): IncomingMessage {
  return Object.assign(new IncomingMessage(new Socket()), { rawHeaders })
}

const aCall = (): McpCall =>
  new McpCall({
    answer: { form: 'tool_result', requests: [], isBatch: false, hasResultType: false, asEvents: false },
    idKeys: ['number:1'],
    isClosingCancel: false,
  })

test('a call is found by session, credentials, agent and id, and not when several look the same', () => {
  const calls = new OpenCalls((text) => text)
  const call = aCall()
  const mine = ['Mcp-Session-Id', 's', 'Authorization', 'a']
  const caller = calls.caller(from(...mine), TOOL)
  const forget = calls.add(caller, 'number:1', call)
  assert.equal(calls.only(caller, 'number:1'), call)
  for (const other of [
    calls.caller(from('Mcp-Session-Id', 't', 'Authorization', 'a'), TOOL),
    calls.caller(from('Mcp-Session-Id', 's', 'Authorization', 'b'), TOOL),
    calls.caller(from('Mcp-Session-Id', 's'), TOOL),
    calls.caller(from(...mine, 'X-Agent-Id', 'x'), TOOL),
    calls.caller(from(...mine), toolOf('other')),
  ])
    assert.equal(calls.only(other, 'number:1'), undefined)
  assert.equal(calls.only(caller, 'string:1'), undefined)
  const forgetTwin = calls.add(caller, 'number:1', aCall())
  assert.equal(calls.only(caller, 'number:1'), undefined)
  forgetTwin()
  assert.equal(calls.only(caller, 'number:1'), call)
  assert.deepEqual(calls.adrift(caller), [])
  forget()
  forget()
  assert.deepEqual([calls.only(caller, 'number:1'), calls.callers], [undefined, 0])
})
