/**
 * The open calls of MCP servers' tools: by which caller a call is found, and how a caller that lost its stream resumes the
 * call in another one.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Call } from '../../src/call/call.ts'
import { OpenCalls } from '../../src/call/open-calls.ts'
import type { Tool } from '../../src/tools/tool.ts'
import { FakeCaller } from '../support/fake-caller.ts'
import { answerEvent, callMessage, EVENTS, McpWorld, mcpTools, reasonOf, SESSION } from './mcp-world.ts'

const ANSWER = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { content: [] } })
const JSON_TYPE = ['Content-Type', 'application/json']
const MINE = [...SESSION, 'Authorization', 'a']

function toolOf(tool: string, agentHeader?: string): Tool {
  return { tool, settings: { agentHeader } } as unknown as Tool
}

const TOOL = toolOf('server')

function aCall(isAdrift = false): Call {
  return { mcp: { isAdrift } } as unknown as Call
}

function keyOf(calls: OpenCalls, headers: readonly string[], tool = TOOL, peer = '127.0.0.1'): string {
  return calls.callerKey(new FakeCaller({ headers, peer }), tool)
}

test('a call is found by server, session, credentials, agent and id', () => {
  const calls = new OpenCalls((text) => text)
  const call = aCall()
  const forget = calls.add(keyOf(calls, MINE), 'number:1', call)
  assert.equal(calls.only(keyOf(calls, MINE), 'number:1'), call)
  const others = [
    keyOf(calls, ['Mcp-Session-Id', 'b', 'Authorization', 'a']),
    keyOf(calls, [...SESSION, 'Authorization', 'b']),
    keyOf(calls, SESSION),
    keyOf(calls, [...MINE, 'X-Api-Key', 'b']),
    keyOf(calls, [...MINE, 'X-Agent-Id', 'b']),
    keyOf(calls, MINE, toolOf('other')),
  ]
  assert.equal(new Set(others).size, others.length)
  for (const other of others) assert.equal(calls.only(other, 'number:1'), undefined)
  assert.equal(calls.only(keyOf(calls, MINE), 'string:1'), undefined)
  forget()
  assert.equal(calls.only(keyOf(calls, MINE), 'number:1'), undefined)
})

test('of two open calls that look the same neither is found, until one of them is over', () => {
  const calls = new OpenCalls((text) => text)
  const [key, call] = [keyOf(calls, MINE), aCall()]
  calls.add(key, 'number:1', call)
  const forgetTwin = calls.add(key, 'number:1', aCall())
  assert.equal(calls.only(key, 'number:1'), undefined)
  forgetTwin()
  assert.equal(calls.only(key, 'number:1'), call)
})

test('calls that are over leave nothing, also when they are forgotten twice', () => {
  const calls = new OpenCalls((text) => text)
  const key = keyOf(calls, MINE)
  const forget = [calls.add(key, 'number:1', aCall()), calls.add(key, 'number:2', aCall())]
  assert.equal(calls.callers, 1)
  for (const each of [...forget, ...forget]) each()
  assert.equal(calls.callers, 0)
  const again = aCall()
  calls.add(key, 'number:1', again)
  for (const each of forget) each()
  assert.equal(calls.only(key, 'number:1'), again)
})

test('without a session the address tells callers apart; with one it does not matter', () => {
  const calls = new OpenCalls((text) => text)
  assert.notEqual(keyOf(calls, [], TOOL, '10.0.0.1'), keyOf(calls, [], TOOL, '10.0.0.2'))
  assert.equal(keyOf(calls, SESSION, TOOL, '10.0.0.1'), keyOf(calls, SESSION, TOOL, '10.0.0.2'))
})

test('the agent is read from the header that the configuration names', () => {
  const calls = new OpenCalls((text) => text)
  const tool = toolOf('server', 'x-team')
  assert.notEqual(keyOf(calls, ['X-Team', 'a'], tool), keyOf(calls, ['X-Team', 'b'], tool))
  assert.equal(keyOf(calls, ['X-Agent-Id', 'a'], tool), keyOf(calls, ['X-Agent-Id', 'b'], tool))
})

test('the key of a caller is what the hash made of it, so that no secret is kept', () => {
  const calls = new OpenCalls(() => 'hashed')
  assert.equal(keyOf(calls, MINE), 'hashed')
})

test('only calls that run without their caller are adrift, and a batch is named once', () => {
  const calls = new OpenCalls((text) => text)
  const [key, lost] = [keyOf(calls, MINE), aCall(true)]
  assert.deepEqual(calls.adrift(key), [])
  calls.add(key, 'number:1', aCall())
  calls.add(key, 'number:2', lost)
  calls.add(key, 'number:3', lost)
  assert.deepEqual(calls.adrift(key), [lost])
  assert.deepEqual(calls.adrift(keyOf(calls, SESSION)), [])
})

/** A call in a stream with event ids whose caller has gone. */
async function adrift(world: McpWorld, id: number): Promise<void> {
  const caller = await world.post(callMessage(id))
  world.last.head(200, EVENTS).data(`id: ${id}\ndata: \n\n`)
  caller.leave()
}

test('a stream with Last-Event-ID takes over the call that is adrift, and goes to the server 50 ms later', async () => {
  const world = new McpWorld()
  await adrift(world, 1)
  assert.deepEqual([world.depths('s').runs, world.at(0).isAborted], [1, false])
  const stream = await world.ask('GET', [...SESSION, 'Last-Event-ID', '1'])
  assert.deepEqual([world.at(0).isAborted, world.sent], [true, ['x']])
  world.clock.advance(49)
  assert.deepEqual(world.sent, ['x'])
  world.clock.advance(1)
  assert.deepEqual(world.sent, ['x', 'GET'])
  world.at(1).head(200, EVENTS)
  assert.equal(world.depths('s').runs, 1, 'the call runs on at the server')
  world.at(1).data(answerEvent(1))
  assert.deepEqual([world.depths('s').runs, world.leaseEnds], [0, ['completed ok']])
  assert.equal(stream.text, answerEvent(1))
  world.at(1).end()
  await world.isQuiet()
})

test('a resumed stream takes over all calls that are adrift, and nothing of another session', async () => {
  const world = new McpWorld(mcpTools('', '').replaceAll('maxConcurrent: 1', 'maxConcurrent: 3'))
  await adrift(world, 1)
  await adrift(world, 2)
  const foreign = await world.post(callMessage(3), { headers: ['Mcp-Session-Id', 'b'] })
  foreign.leave()
  await world.ask('GET', [...SESSION, 'Last-Event-ID', '2'])
  world.clock.advance(50)
  world.last.head(200, EVENTS).data(answerEvent(2)).data(answerEvent(1)).data(answerEvent(3))
  assert.deepEqual([world.depths('s').runs, world.at(2).isAborted], [1, false])
  world.last.end()
  world.at(2).respond(200, ANSWER, JSON_TYPE)
  await world.isQuiet()
})

test('a stream without Last-Event-ID, or with nothing to take over, goes to the server at once', async () => {
  const world = new McpWorld()
  await world.ask('GET', [...SESSION, 'Last-Event-ID', '1'])
  assert.deepEqual(world.sent, ['GET'])
  await adrift(world, 1)
  await world.ask('GET')
  assert.deepEqual(world.sent, ['GET', 'x', 'GET'])
  assert.equal(world.at(1).isAborted, false)
  for (const exchange of world.exchanges) exchange.end()
  world.clock.advance(3_600_000)
})

test('a resumed stream whose caller leaves within the 50 ms never goes to the server', async () => {
  const world = new McpWorld()
  await adrift(world, 1)
  const stream = await world.ask('GET', [...SESSION, 'Last-Event-ID', '1'])
  stream.leave()
  world.clock.advance(1000)
  assert.deepEqual(world.sent, ['x'])
  assert.deepEqual(
    world.eventsOf('mcp').map(({ method }) => method),
    ['tools/call'],
  )
  // Of the call; the stream is none.
  assert.deepEqual(world.outcomes, ['cancelled'])
  world.clock.advance(3_600_000)
  assert.deepEqual(world.leaseEnds, ['reclaimed dropped'])
  await world.isQuiet()
})

test('an internal error when a resumed stream goes to the server ends that stream alone', async () => {
  const world = new McpWorld()
  await adrift(world, 1)
  const stream = await world.ask('GET', [...SESSION, 'Last-Event-ID', '1'])
  world.side.isFailing = true
  world.clock.advance(50)
  world.side.isFailing = false
  assert.equal(reasonOf(stream), 'INTERNAL')
  assert.deepEqual([world.depths('s').runs, world.beside.streams], [1, 0])
  await world.ask('GET', [...SESSION, 'Last-Event-ID', '1'])
  world.clock.advance(50)
  world.last.head(200, EVENTS).data(answerEvent(1)).end()
  await world.isQuiet(1)
})
