/**
 * The openai SDK with its default options, and a saturated lane as its base URL. All its calls to a model are POSTs, and
 * it retries them after retry-after-ms.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import OpenAI, { RateLimitError } from 'openai'
import {
  assertRefused,
  assertWaited,
  REFUSED,
  refusedAndNotRetried,
  refusedOnceThenServed,
  saturatedLane,
} from '../../support/saturated-lane.ts'

const COMPLETION = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'some-model',
  choices: [
    { index: 0, finish_reason: 'stop', logprobs: null, message: { role: 'assistant', content: 'served' } },
  ],
}
const QUESTION = { model: 'some-model', messages: [{ role: 'user' as const, content: 'hello' }] }

describe('the openai SDK', { concurrency: 3 }, () => {
  test('openai repeats a POST after retry-after-ms and then gets the answer of the tool', async (t) => {
    await using lane = await saturatedLane(COMPLETION)
    const client = new OpenAI({ baseURL: `${lane.url}/v1`, apiKey: 'none' })
    const completion = await client.chat.completions.create(QUESTION)
    assert.equal(completion.choices[0]?.message.content, 'served')
    const call = { method: 'POST', path: '/v1/chat/completions', body: JSON.stringify(QUESTION) }
    const wait = refusedOnceThenServed(lane, call)
    assertWaited(wait, wait.toldFinerMs)
    t.diagnostic(`waited ${wait.waitedMs.toFixed()} ms`)
  })

  test('openai with maxRetries: 0 shows its caller the message, the reason and the advice', async () => {
    await using lane = await saturatedLane(COMPLETION)
    const client = new OpenAI({ baseURL: `${lane.url}/v1`, apiKey: 'none', maxRetries: 0 })
    await assert.rejects(client.chat.completions.create(QUESTION), (error) => {
      assert.ok(error instanceof RateLimitError)
      assert.equal(error.headers.get('x-spillway-reason'), REFUSED.reason)
      assertRefused(error.error, lane)
      assert.match(error.message, /^429 The tool busy is busy/)
      return true
    })
    refusedAndNotRetried(lane)
  })
})
