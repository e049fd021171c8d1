/**
 * What every HTTP client relies on: a refusal has a Content-Length, and its connection can be used for further calls.
 */
import assert from 'node:assert/strict'
import { Agent, request } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { assertRefused, saturatedLane } from '../../support/saturated-lane.ts'

/** Bytes: more than a client's first write, less than what the proxy reads ahead. */
const UPLOAD_BYTES = 256 * 1024

interface Answered {
  readonly status: number | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

interface Asked {
  readonly method: string
  readonly headers?: Record<string, string>
  readonly body?: string | Buffer
}

/** Makes a call on the agent's only connection. */
function send(url: string, agent: Agent, { method, headers = {}, body = '' }: Asked): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const call = request(url, { agent, method, headers }, (response) => {
      text(response).then(
        (received) => resolve({ status: response.statusCode, headers: response.headers, body: received }),
        reject,
      )
    })
    call.on('error', reject).end(body)
  })
}

test('a refusal is whole JSON with its Content-Length and leaves the connection usable, also after a POST', async () => {
  await using lane = await saturatedLane({ served: true }, 'by hand')
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const asked: readonly Asked[] = [
    { method: 'GET' },
    { method: 'POST', body: '{"small":true}' },
    { method: 'PUT', headers: { 'Transfer-Encoding': 'chunked' }, body: 'in chunks' },
    { method: 'POST', body: Buffer.alloc(UPLOAD_BYTES, 'x') },
  ]
  for (const each of asked) {
    const { status, headers, body } = await send(`${lane.url}/x`, agent, each)
    assert.equal(status, 429)
    assert.equal(headers['content-length'], String(Buffer.byteLength(body)))
    assert.equal(headers['transfer-encoding'], undefined)
    assert.equal(headers.connection, 'keep-alive')
    assertRefused(JSON.parse(body), lane)
  }
  assert.deepEqual(lane.calls, [])
  await lane.free()
  const { status, body } = await send(`${lane.url}/x`, agent, { method: 'POST', body: 'served' })
  assert.deepEqual([status, JSON.parse(body)], [200, { served: true }])
  assert.deepEqual(lane.calls, [{ method: 'POST', path: '/x', body: 'served' }])
  assert.deepEqual(
    lane.attempts.map(({ method, connection }) => [method, connection]),
    [...asked.map(({ method }) => [method, 1]), ['POST', 1]],
  )
  agent.destroy()
})
