/**
 * How a tool's host gets its addresses, with a name server that is silent, slow, wrong or changes its mind.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Clock } from '../../src/time/clock.ts'
import { systemClock } from '../../src/time/system.ts'
import { NameUnresolved } from '../../src/upstream/fault.ts'
import { AddressCache } from '../../src/upstream/address-cache.ts'
import { nameServer } from '../support/name-server.ts'
import type { NameServer } from '../support/name-server.ts'

const folder = await mkdtemp(join(tmpdir(), 'spillway-names-'))
after(() => rm(folder, { recursive: true }))
let files = 0

interface Open {
  readonly more?: string
  readonly hosts?: string
  readonly connectTimeoutMs?: number
}

/** AddressCache by this server, on real time that a test can move forward. */
async function open(server: NameServer, { more = '', hosts = '', connectTimeoutMs = 1000 }: Open = {}) {
  const own = join(folder, String(++files))
  const resolvConf = await server.writeResolvConf(`${own}.resolv`, more)
  await writeFile(`${own}.hosts`, hosts)
  let skippedMs = 0
  const clock: Clock = { ...systemClock, nowMs: () => systemClock.nowMs() + skippedMs }
  const askSystem = (name: string) =>
    name === 'printer.local'
      ? Promise.resolve({ addresses: [{ address: '10.0.0.5', family: 4 as const }], ttlSeconds: 5 })
      : Promise.reject(new NameUnresolved('ENOTFOUND'))
  const names = new AddressCache({
    askSystem,
    clock,
    connectTimeoutMs,
    paths: { resolvConf, hosts: `${own}.hosts` },
  })
  const look = (host = 'tool.test', options: object = { all: true }) =>
    new Promise<string[]>((resolve, reject) => {
      names.lookup(host, options, (error, found) => {
        if (error !== null) reject(error)
        else resolve(typeof found === 'string' ? [found] : found.map(({ address }) => address))
      })
    })
  return { names, look, skip: (ms: number) => (skippedMs += ms) }
}

const code = async (looking: Promise<unknown>): Promise<string> =>
  looking.then(
    () => 'found',
    (error: unknown) => `${(error as Error).name} ${(error as { code: string }).code}`,
  )

test('addresses of both families, IPv4 first; asked for once by all who ask at once', async () => {
  await using server = await nameServer(() => ({ addresses: ['::7', '10.0.0.7', '10.0.0.8'] }))
  const { look } = await open(server)
  const all = await Promise.all([look(), look(), look('tool.test', {}), look('tool.test', { family: 6 })])
  assert.deepEqual(all, [
    ['10.0.0.7', '10.0.0.8', '::7'],
    ['10.0.0.7', '10.0.0.8', '::7'],
    ['10.0.0.7'],
    ['::7'],
  ])
  assert.deepEqual([...server.asked].toSorted(), ['tool.test A', 'tool.test AAAA'])
})

test('addresses are kept for their TTL and not longer, within bounds', async () => {
  for (const [ttlSeconds, keptMs] of [
    [60, 60_000],
    [0, 1000],
    [604_800, 300_000],
  ] as const) {
    let last = 1
    await using server = await nameServer(() => ({ addresses: [`10.0.0.${last}`], ttlSeconds }))
    const { look, skip } = await open(server)
    assert.deepEqual(await look(), ['10.0.0.1'])
    last = 2
    skip(keptMs - 500)
    assert.deepEqual(await look(), ['10.0.0.1'])
    skip(1000)
    assert.deepEqual(await look(), ['10.0.0.2'])
  }
})

test('while the name server fails or is silent, the old addresses are used, for a day', async () => {
  await using server = await nameServer(() => ({ addresses: ['10.0.0.1'], ttlSeconds: 1 }))
  const { look, skip } = await open(server)
  assert.deepEqual(await look(), ['10.0.0.1'])
  for (const said of ['failure', 'no such name', 'nothing'] as const) {
    server.says = () => said
    skip(2000)
    const startMs = performance.now()
    assert.deepEqual(await look(), ['10.0.0.1'])
    assert.ok(performance.now() - startMs < 900, `${said}: no connection waits for long`)
  }
  server.says = () => ({ addresses: ['10.0.0.2'], ttlSeconds: 1 })
  skip(5000)
  // The look that met silence may still be under way.
  await new Promise((resolve) => setTimeout(resolve, 900))
  skip(5000)
  assert.deepEqual(await look(), ['10.0.0.2'])
  server.says = () => 'failure'
  skip(86_400_000)
  assert.equal(await code(look()), 'NameUnresolved ESERVFAIL')
})

test('addresses at which nobody answers are looked for anew before their TTL is over', async () => {
  let last = 1
  await using server = await nameServer(() => ({ addresses: [`10.0.0.${last}`], ttlSeconds: 300 }))
  const { look, skip, names } = await open(server)
  await look()
  last = 2
  skip(1500)
  assert.deepEqual(await look(), ['10.0.0.1'])
  names.expire()
  assert.deepEqual(await look(), ['10.0.0.2'])
})

test('a silent name server is told before the time for connecting is over, and not asked by everybody', async () => {
  await using server = await nameServer(() => 'nothing')
  const { look } = await open(server, { connectTimeoutMs: 600 })
  const startMs = performance.now()
  assert.deepEqual(await Promise.all([code(look()), code(look())]), [
    'NameUnresolved ETIMEOUT',
    'NameUnresolved ETIMEOUT',
  ])
  assert.ok(performance.now() - startMs < 600)
  const { length } = server.asked
  assert.equal(await code(look()), 'NameUnresolved ETIMEOUT')
  assert.equal(server.asked.length, length, 'the answer is kept for a second')
})

test('a name server that never answers for one family holds up nobody who has addresses of the other', async () => {
  let count = 0
  await using server = await nameServer(() =>
    count++ === 0 ? { addresses: ['10.0.0.7', '::7'] } : 'nothing',
  )
  const { look } = await open(server, { connectTimeoutMs: 4000 })
  const startMs = performance.now()
  assert.equal((await look()).length, 1)
  assert.ok(performance.now() - startMs < 1000)
})

test('the search list of Kubernetes is followed, over failures of single names, too', async () => {
  await using server = await nameServer((name) => {
    if (name === 'tool.other.svc.test') return { addresses: ['10.0.0.9'] }
    return name === 'tool.other.ns.svc.test' ? 'failure' : 'no such name'
  })
  const { look } = await open(server, { more: 'search ns.svc.test svc.test\noptions ndots:5\n' })
  assert.deepEqual(await look('tool.other'), ['10.0.0.9'])
})

test('the hosts file goes before the name server, and localhost needs neither', async () => {
  await using server = await nameServer(() => ({ addresses: ['10.0.0.1'] }))
  const { look } = await open(server, { hosts: '10.9.9.9 tool.test\n' })
  assert.deepEqual(await look(), ['10.9.9.9'])
  const other = await open(server)
  assert.deepEqual(await other.look('localhost'), ['127.0.0.1', '::1'])
  assert.equal(server.asked.length, 0)
})

test('a name that the name servers do not know may be one of the system, or nobody knows it', async () => {
  await using server = await nameServer(() => 'no such name')
  const { look } = await open(server)
  assert.deepEqual(await look('printer.local'), ['10.0.0.5'])
  const { look: lookOther } = await open(server)
  assert.equal(await code(lookOther('nobody.test')), 'NameUnresolved ENOTFOUND')
})

test('where no name server listens, the system is asked, and the cause stays what it was', async () => {
  const server = await nameServer(() => 'nothing')
  await server[Symbol.asyncDispose]()
  const { look } = await open(server)
  assert.deepEqual(await look('printer.local'), ['10.0.0.5'])
  const { look: lookOther } = await open(server)
  assert.match(await code(lookOther('nobody.test')), /^NameUnresolved (?:ECONNREFUSED|ETIMEOUT)$/)
})
