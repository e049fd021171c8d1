/**
 * How long the door to an MCP server lets go on what should have ended: cancelled calls, and streams that are answered.
 */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { McpDoor } from '../../src/call/mcp-door.ts'
import type { McpDoorParts } from '../../src/call/mcp-door.ts'
import { mostHeldBytes } from '../../src/capacity/held-bytes.ts'
import type { Routed } from '../../src/call/routed.ts'
import type { McpLeases } from '../../src/call/mcp-leases.ts'
import type { Slot } from '../../src/upstream/exchange.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

class FakeResponse extends EventEmitter {
  destroyed = false

  destroy(): void {
    this.destroyed = true
    this.emit('close')
  }
}

const FULL = {
  enter: () => ({ kind: 'refused', refusal: { reason: 'QUEUE_SATURATED' } }),
  lane: { depths: () => ({ active: 0 }) },
}
const SLOT: Slot = {
  renew: () => undefined,
  waitsFor: () => undefined,
  accepted: () => undefined,
  answered: () => undefined,
  settle: () => undefined,
  onReclaimed: () => undefined,
}

/** A door whose lane runs every call at once. */
function doorOf() {
  const clock = new VirtualClock()
  const tool = { tool: 's', settings: { maxBodyBytes: 1000 }, traffic: { messages: FULL } }
  const running: McpLeases[] = []
  const stopped: McpLeases[] = []
  const refused: string[] = []
  const door = new McpDoor({
    tools: { mcpLane: () => tool },
    clock,
    passing: { emit: () => undefined },
    hash: (text: string) => text,
    priorityOf: () => 'normal',
    hasRoomForStream: () => true,
    enter: ({ mcp, call }: Routed) => {
      const watch = mcp?.run(SLOT, call.response)
      if (watch === undefined) return
      watch.onReclaimed(() => stopped.push(watch))
      running.push(watch)
    },
    refuse: (_routed: Routed, reason: string) => refused.push(reason),
    isDraining: () => false,
  } as unknown as McpDoorParts)
  const send = async (message: object, isWhole = true): Promise<FakeResponse> => {
    const response = new FakeResponse()
    const request = Object.assign(new IncomingMessage(new Socket()), {
      method: 'POST',
      rawHeaders: ['Content-Type', 'application/json', 'Mcp-Session-Id', 'a'],
    })
    const containment = { around: (act: unknown) => act, holds: () => undefined }
    door.take({ call: { request, response }, containment, tool, hasBody: true } as unknown as Routed)
    request.push(JSON.stringify({ jsonrpc: '2.0', ...message }))
    if (isWhole) request.push(null)
    await new Promise((resolve) => setImmediate(resolve))
    return response
  }
  return { clock, running, stopped, refused, send, heldBytes: () => door.heldBytes }
}

const CALL = { id: 1, method: 'tools/call', params: { name: 'x' } }
const CANCEL = { method: 'notifications/cancelled', params: { requestId: 1 } }
const EVENTS = ['Content-Type', 'text/event-stream']

test('a server has 5 s to end a call that was cancelled, and is then cut off', async () => {
  const { clock, send } = doorOf()
  const response = await send(CALL)
  await send(CANCEL)
  clock.advance(4999)
  assert.equal(response.destroyed, false)
  clock.advance(1)
  assert.equal(response.destroyed, true)
})

test('a stream may go on for 30 s after its call was answered', async () => {
  const { clock, running, stopped, send } = doorOf()
  await send(CALL)
  running[0]?.head(200, EVENTS)
  running[0]?.chunk(Buffer.from('data: {"id":1,"result":{}}\n\n'), 5)
  clock.advance(29_999)
  assert.equal(stopped.length, 0)
  clock.advance(1)
  assert.equal(stopped.length, 1)
})

test('the stream of an answered call whose caller has gone is not kept', async () => {
  const { running, stopped, send } = doorOf()
  const response = await send(CALL)
  running[0]?.head(200, EVENTS)
  response.destroy()
  assert.equal(stopped.length, 0)
  running[0]?.chunk(Buffer.from('data: {"id":1,"result":{}}\n\n'), 5)
  assert.equal(stopped.length, 1)
})

test('a body that has not come whole after 30 s is refused as too slow, and not held', async () => {
  const { clock, refused, send, heldBytes } = doorOf()
  await send(CALL, false)
  assert.ok(heldBytes() > 0)
  clock.advance(29_999)
  assert.deepEqual(refused, [])
  clock.advance(1)
  assert.deepEqual([refused, heldBytes(), clock.timers], [['REQUEST_TIMEOUT'], 0, 0])
})

test('a body is held until its call is over, also when its caller has gone', async () => {
  const { running, send, heldBytes } = doorOf()
  const response = await send(CALL)
  const bytes = heldBytes()
  response.destroy()
  assert.ok(bytes > 0 && heldBytes() === bytes)
  running[0]?.settle({ cause: 'completed', verdict: 'ok', latencyMs: 5 })
  assert.equal(heldBytes(), 0)
})

test('what is refused is held until its answer is out', async () => {
  const { refused, send, heldBytes } = doorOf()
  const responses = [await send({ id: 1 }), await send({ id: 1, method: 'ping' })]
  assert.deepEqual(refused, ['BAD_REQUEST', 'QUEUE_SATURATED'])
  assert.ok(heldBytes() > 0)
  for (const response of responses) response.destroy()
  assert.equal(heldBytes(), 0)
})

test('the memory that bodies may take fits what the process may use', () => {
  const mib = 1_048_576
  for (const [memory, most] of [
    [0, 64],
    [2 ** 64, 64],
    [256 * mib, 32],
    [96 * mib, 16],
  ] as const) {
    assert.equal(mostHeldBytes(memory) / mib, most)
  }
})
