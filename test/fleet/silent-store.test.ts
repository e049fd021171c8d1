/**
 * A server that accepts connections and never answers. The clients of Redis and PostgreSQL replace such connections within
 * seconds, also with a long TTL.
 */
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { test } from 'node:test'
import { openStore } from '../../src/fleet/open.ts'
import { eventually } from '../support/eventually.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

/** One more than each client opens at first: two to Redis, up to four to PostgreSQL. */
const STORES = { redis: 3, postgres: 5 } as const

for (const [scheme, connections] of Object.entries(STORES))
  test(`${scheme}: connections without an answer are replaced within seconds, also with a long TTL`, () =>
    opensAnew(scheme, connections))

async function opensAnew(scheme: string, connections: number): Promise<void> {
  const sockets: Socket[] = []
  const mute = createServer((socket) => sockets.push(socket.on('error', () => undefined)))
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve))
  const { port } = mute.address() as AddressInfo
  const clock = new VirtualClock()
  const options = { fleet: 'f', sidecar: 's', ttlMs: 600_000, answerWithinMs: 1000 }
  const store = openStore(`${scheme}://127.0.0.1:${port}`, options, clock)
  let order = 0
  await eventually(() => {
    const said = {
      tool: 'github',
      cap: 1,
      epoch: 0,
      returned: 0,
      held: 0,
      want: 0,
      order: ++order,
      isLeaving: false,
    }
    store.report(said).catch(() => undefined)
    clock.advance(250)
    assert.ok(sockets.length >= connections, `${sockets.length}`)
  })
  assert.ok(clock.nowMs() < 60_000, `after ${clock.nowMs()} ms`)
  await store.close()
  for (const socket of sockets) socket.destroy()
  await new Promise((resolve) => mute.close(resolve))
}
