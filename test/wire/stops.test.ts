/**
 * A process that stands still for a while, because it was stopped or its event loop was blocked. Afterwards the bytes that
 * arrived meanwhile must be handled before timers, and the stop must not count as silence of a tool or a worker.
 */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { describe, test } from 'node:test'
import { eventually, pause } from '../support/eventually.ts'
import { after, fakeTool } from '../support/fake-tool.ts'
import { startSpillway } from '../support/process.ts'
import type { Spillway } from '../support/process.ts'

/** Milliseconds: longer than any lease and TTL below. */
const STOPPED_MS = 3500
/** Milliseconds after which the admin listener closes an idle connection, with node's reserve of a second. */
const IDLE_MS = 6000
const CALLS = 12
const BIG_BYTES = 3_000_000

const BLOCK_LOOP = new URL('../support/block-loop.ts', import.meta.url).href
const WAYS = [
  {
    name: 'a stopped process',
    standStill: async (spillway: Spillway) => {
      spillway.signal('SIGSTOP')
      await pause(STOPPED_MS)
      spillway.signal('SIGCONT')
    },
  },
  {
    name: 'a blocked event loop',
    standStill: async (spillway: Spillway) => {
      spillway.signal('SIGUSR2')
      await pause(STOPPED_MS)
    },
  },
] as const

function lanesOf(upstream: string): string {
  const lane = (more: string): string =>
    `{ upstream: "${upstream}", leaseSeconds: 2, controller: { algorithm: aimd, decreaseAboveP95Ms: 2500, increaseBelowP95Ms: 2000 }, ${more} }`
  return `tools:
  wide: ${lane('maxConcurrent: 32')}
  dead: ${lane('maxConcurrent: 1')}
  narrow: ${lane('maxConcurrent: 1, ttlSeconds: 1')}
  box: ${lane('maxConcurrent: 1')}
`
}

const statusOf = async (answer: Promise<Response>): Promise<string> => {
  const response = await answer
  const text = await response.text()
  return `${response.status} ${response.headers.get('x-spillway-reason') ?? text.length}`
}

describe('while a process stands still', { concurrency: true }, () => {
  for (const { name, standStill } of WAYS) {
    void test(`after ${name} the bytes that arrived meanwhile count, and other leases and tickets expire`, async () => {
      await using tool = await fakeTool((request, response) => {
        if (request.url === '/silent') return undefined
        return after(1000, 'x'.repeat(request.url === '/big' ? BIG_BYTES : 4))(request, response)
      })
      const env = { NODE_OPTIONS: `--import ${BLOCK_LOOP}`, BLOCKED_MS: String(STOPPED_MS) }
      await using spillway = await startSpillway(lanesOf(tool.url), { env })
      const call = (path: string): Promise<string> => statusOf(fetch(spillway.proxy + path))
      const leased = await fetch(`${spillway.admin}/lanes/box/leases`, { method: 'POST', body: '{}' })
      const { lease_id } = (await leased.json()) as { lease_id: string }
      const paths = [...Array.from({ length: CALLS }, () => '/wide/x'), '/wide/big', '/narrow/x']
      const silent = call('/dead/silent')
      const answered = paths.map(call)
      const queued = ['/narrow/x', '/narrow/x'].map(call)
      await eventually(async () => assert.equal((await spillway.lane('narrow')).queue_depth, queued.length))
      await eventually(() => assert.equal(tool.seen.calls, paths.length + 1))

      const standing = standStill(spillway)
      await pause(500)
      const renewed = fetch(`${spillway.admin}/leases/${lease_id}`, { method: 'PUT' })
      await standing

      const expected = paths.map((path) => `200 ${path === '/wide/big' ? BIG_BYTES : 4}`)
      assert.deepEqual(await Promise.all(answered), expected)
      assert.equal((await renewed).status, 200, 'the heartbeat of a worker counts')
      assert.deepEqual(await Promise.all(queued), ['429 QUEUE_TTL_EXPIRED', '429 QUEUE_TTL_EXPIRED'])
      assert.equal(await silent, '504 LEASE_EXPIRED')
      assert.equal(tool.seen.calls, paths.length + 1, 'a stale ticket ran')
      const { totals, p95_ms, limit } = await spillway.lane('wide')
      assert.deepEqual([totals.completed, totals.reclaimed], [CALLS + 1, 0])
      assert.ok((p95_ms ?? 0) < STOPPED_MS, `the stop was taken for latency: ${p95_ms} ms`)
      assert.equal(limit, 32)
    })
  }

  void test('a request that arrives on an idle connection during a stop is answered before the connection can be closed as idle', async () => {
    await using spillway = await startSpillway(lanesOf('http://127.0.0.1:9'))
    const answers: string[] = []
    const socket = connect(Number(new URL(spillway.admin).port), '127.0.0.1')
    socket.setEncoding('latin1').on('data', (text: string) => answers.push(text.slice(0, 15)))
    const ask = (): void => void socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
    ask()
    await eventually(() => assert.equal(answers.length, 1))
    spillway.signal('SIGSTOP')
    await pause(1000)
    ask()
    await pause(IDLE_MS)
    spillway.signal('SIGCONT')
    await eventually(() => assert.deepEqual(answers, ['HTTP/1.1 200 OK', 'HTTP/1.1 200 OK']))
    socket.destroy()
  })
})
