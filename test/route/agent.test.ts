/**
 * The key of the agent that makes a call.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { agentKey } from '../../src/route/agent.ts'

const show = (text: string): string => `<${text.replace('\n', ' ')}>`

function keyFor(headers: Record<string, string>, by: string | undefined = 'x-agent-id'): string | undefined {
  return agentKey(by, { header: (lower) => headers[lower], peer: '10.0.0.9' }, show)
}

const ALL = {
  'x-agent-id': 'a-1',
  authorization: 'Bearer t',
  'x-api-key': 'k',
  'mcp-session-id': 's',
}

function without(headers: Record<string, string>, name: string): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([key]) => key !== name))
}

test("the agent is the operator's header, else the credentials, else the session, else the address", () => {
  const credentials = without(ALL, 'x-agent-id')
  const key = without(credentials, 'authorization')
  const session = without(key, 'x-api-key')
  assert.deepEqual(
    [ALL, credentials, key, session, {}].map((headers) => keyFor(headers)),
    [
      '<x-agent-id a-1>',
      '<authorization Bearer t>',
      '<x-api-key k>',
      '<mcp-session-id s>',
      '<peer 10.0.0.9>',
    ],
  )
})

test('the operator may name another header, and an empty header counts as absent', () => {
  assert.equal(keyFor({ ...ALL, 'x-team': 'red' }, 'x-team'), '<x-team red>')
  assert.equal(keyFor({ ...ALL, 'x-agent-id': '' }), '<authorization Bearer t>')
})

test('the same value in two headers stands for two agents', () => {
  assert.notEqual(keyFor({ 'x-agent-id': 's' }), keyFor({ 'mcp-session-id': 's' }))
})

test('without fairness there is no key, and nothing is hashed', () => {
  const refuseToHash = (): string => assert.fail('hashed')
  assert.equal(agentKey(undefined, { header: () => 'x', peer: 'y' }, refuseToHash), undefined)
})
