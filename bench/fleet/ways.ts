/**
 * Ways to keep many callers under one cap, behind one interface: wait for a slot, then give it back. The ways are the fleet's
 * memberships with each store, a semaphore library that polls, and a minimal script that is polled every 10 ms.
 */
import { createClient } from '@redis/client'
import { Redis } from 'ioredis'
import { Semaphore } from 'redis-semaphore'
import { Membership } from '../../src/fleet/membership.ts'
import type { FleetStore, StoreOptions } from '../../src/fleet/store.ts'
import { Gate } from '../../src/gate/gate.ts'
import type { Turn } from '../../src/gate/gate.ts'
import { systemClock } from '../../src/time/system.ts'
import { laneSettings } from '../../test/support/lane-settings.ts'

export interface Way {
  readonly name: string
  /** Resolves when sidecar `index` may run one more call; the result gives the slot back. */
  enter(index: number): Promise<() => unknown>
  /** Round trips to the store so far. */
  operations(): number
  close(): Promise<void>
}

const TTL_MS = 10_000
const POLL_MS = 10

/** Each sidecar has its own lane, gate, membership and connections. */
export async function memberships(
  name: string,
  {
    cap,
    sidecars,
    open,
  }: { cap: number; sidecars: number; open: ((options: StoreOptions) => FleetStore) | undefined },
): Promise<Way> {
  let operations = 0
  const all = Array.from({ length: sidecars }, (_, index) => {
    let notice = (): void => undefined
    const controller = { algorithm: 'fixed' } as const
    const settings = laneSettings({ maxConcurrent: cap, maxQueueDepth: 10_000, controller })
    const failed = (error: unknown): never => {
      throw error
    }
    const gate = new Gate(settings, {
      clock: systemClock,
      random: Math.random,
      tell: () => notice(),
      failed,
    })
    if (open === undefined) return { gate, membership: undefined, store: undefined }
    const own = open({ fleet: `bench${name}`, sidecar: `s${index}`, ttlMs: TTL_MS, answerWithinMs: 1000 })
    const store: FleetStore = {
      report: (report) => {
        operations++
        return own.report(report)
      },
      listen: (onNews) => own.listen(onNews),
      close: () => own.close(),
    }
    const membership = new Membership(
      { tool: 'github', cap, ttlMs: TTL_MS, onStoreLoss: 'closed' },
      { store, lane: gate, clock: systemClock, random: Math.random, tell: () => undefined },
    )
    store.listen((news) => membership.heard(news))
    notice = membership.notice
    return { gate, membership, store }
  })
  if (open !== undefined)
    while (all.some(({ membership }) => membership?.status().mode !== 'up'))
      await new Promise((r) => setTimeout(r, 50))
  return {
    name,
    async enter(index) {
      const { gate } = all[index]!
      const { promise, resolve } = Promise.withResolvers<Turn>()
      const entered = gate.enter({}, resolve)
      if (entered.kind !== 'queued') resolve(entered)
      const turn = await promise
      if (turn.kind !== 'granted') throw new Error(turn.kind)
      return () => turn.lease.settle({ cause: 'completed', verdict: 'ok', latencyMs: 50 })
    },
    operations: () => operations,
    async close() {
      for (const { membership, store, gate } of all) {
        await membership?.close()
        await store?.close()
        gate.close('DRAINING')
      }
    },
  }
}

export function semaphoreLibrary(url: string, cap: number, sidecars: number): Promise<Way> {
  let operations = 0
  const clients = Array.from({ length: sidecars }, () => new Redis(url))
  for (const client of clients) {
    const send = client.sendCommand.bind(client)
    client.sendCommand = (...command) => {
      operations++
      return send(...command)
    }
  }
  return Promise.resolve({
    name: 'redis-semaphore 5.8.0',
    async enter(index) {
      const semaphore = new Semaphore(clients[index]!, 'bench-library', cap, {
        lockTimeout: TTL_MS,
        acquireTimeout: 60_000,
        retryInterval: POLL_MS,
      })
      await semaphore.acquire()
      return () => semaphore.release()
    },
    operations: () => operations,
    close: () => {
      for (const client of clients) client.disconnect()
      return Promise.resolve()
    },
  })
}

const TAKE = `local t = redis.call('TIME') local now = t[1] * 1000 + t[2] / 1000
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[3]) return 1`

export async function plainPoll(url: string, cap: number, sidecars: number): Promise<Way> {
  let [operations, names] = [0, 0]
  const clients = Array.from({ length: sidecars }, () => createClient({ url }))
  await Promise.all(clients.map((client) => client.connect()))
  return {
    name: 'one script, polled every 10 ms',
    async enter(index) {
      const client = clients[index]!
      const name = String(++names)
      const ask = { keys: ['bench-poll'], arguments: [String(cap), String(TTL_MS), name] }
      for (;;) {
        operations++
        if ((await client.eval(TAKE, ask)) === 1) break
        await new Promise((resolve) => setTimeout(resolve, POLL_MS))
      }
      return () => {
        operations++
        return client.zRem('bench-poll', name)
      }
    },
    operations: () => operations,
    close: () => {
      for (const client of clients) client.destroy()
      return Promise.resolve()
    },
  }
}
