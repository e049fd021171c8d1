/**
 * A configured tool over its life. After a close, the tool refuses calls, messages and streams with the reason of the close,
 * also where its gate for them is opened only then.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Tool } from '../../src/tools/tool.ts'
import { settingsIn } from '../config/reading.ts'
import { rethrow } from '../support/rethrow.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const [SETTINGS] = settingsIn('tools: { server: { upstream: "http://127.0.0.1:9", mcp: {} } }').tools

function open() {
  assert.ok(SETTINGS)
  const clock = new VirtualClock()
  const tool = new Tool(SETTINGS, { clock, random: () => 0, tell: () => undefined, failed: rethrow })
  const gates = () => [tool.gate, tool.traffic.messages, tool.traffic.streams]
  const answers = () =>
    gates().map((gate) => {
      const entered = gate.enter({}, () => undefined)
      return entered.kind === 'refused' ? entered.refusal.reason : entered.kind
    })
  return { tool, answers }
}

test('a tool grants calls, messages and streams until it is closed', () => {
  const { tool, answers } = open()
  assert.deepEqual(answers(), ['granted', 'granted', 'granted'])
  tool.close('DRAINING')
  assert.deepEqual(answers(), ['DRAINING', 'DRAINING', 'DRAINING'])
})

for (const reason of ['DRAINING', 'NO_ROUTE'] as const) {
  test(`messages and streams that come first after the close are refused with ${reason}`, () => {
    const { tool, answers } = open()
    tool.close(reason)
    assert.deepEqual(answers(), [reason, reason, reason])
  })
}
