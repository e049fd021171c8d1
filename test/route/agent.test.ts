import assert from 'node:assert/strict'
import { test } from 'node:test'
import { agentKey } from '../../src/route/agent.ts'

const show = (text: string): string => `<${text.replace('\n', ' ')}>`

function keyOf(headers: Record<string, string>, by: string | undefined = 'x-agent-id'): string | undefined {
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

test("an agent is the operator's header, else its credentials, else its session, else its address", () => {
  const credentials = without(ALL, 'x-agent-id')
  const key = without(credentials, 'authorization')
  const session = without(key, 'x-api-key')
  assert.deepEqual(
    [ALL, credentials, key, session, {}].map((headers) => keyOf(headers)),
    [
      '<x-agent-id a-1>',
      '<authorization Bearer t>',
      '<x-api-key k>',
      '<mcp-session-id s>',
      '<peer 10.0.0.9>',
    ],
  )
})

test('another header may be the one that tells agents apart, and an empty one tells nothing', () => {
  assert.equal(keyOf({ ...ALL, 'x-team': 'red' }, 'x-team'), '<x-team red>')
  assert.equal(keyOf({ ...ALL, 'x-agent-id': '' }), '<authorization Bearer t>')
})

test('the same text in two headers is two agents', () => {
  assert.notEqual(keyOf({ 'x-agent-id': 's' }), keyOf({ 'mcp-session-id': 's' }))
})

test('without fairness nobody is told apart, and nothing is hashed', () => {
  const refuseToHash = (): string => assert.fail('hashed')
  assert.equal(agentKey(undefined, { header: () => 'x', peer: 'y' }, refuseToHash), undefined)
})
