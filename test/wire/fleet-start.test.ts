/**
 * The very first start of a fleet: not ready while the store may know less than it should, and at once where it cannot.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient } from '@redis/client'
import { eventually } from '../support/eventually.ts'
import { fakeTool } from '../support/fake-tool.ts'
import { startSpillway } from '../support/process.ts'
import type { Spillway } from '../support/process.ts'
import { startPostgres, startRedis } from '../support/store-servers.ts'

interface Ready {
  readonly status: string
  readonly fleet: { readonly store: string; readonly ready_in_ms?: number }
}

async function readiness(sidecar: Spillway): Promise<{ readonly code: number; readonly body: Ready }> {
  const response = await fetch(`${sidecar.admin}/readyz`)
  return { code: response.status, body: (await response.json()) as Ready }
}

const yamlFor = (store: string, upstream: string, ttlSeconds: number): string => `
fleet: { store: "${store}", name: first, leaseTtlSeconds: ${ttlSeconds} }
tools: { github: { upstream: "${upstream}", maxConcurrent: 2 } }
`

test('on Redis a fleet is not ready for its first TTL and says for how long; the first call waits, and later starts do not', async () => {
  const ttlSeconds = 4
  await using server = await startRedis()
  await using tool = await fakeTool((_, response) => response.end('done'))
  const yaml = yamlFor(server.url, tool.url, ttlSeconds)
  await using first = await startSpillway(yaml)
  const early = await eventually(async () => {
    const found = await readiness(first)
    assert.equal(found.body.status, 'learning')
    return found
  })
  assert.equal(early.code, 503)
  assert.equal(early.body.fleet.store, 'learning')
  const left = early.body.fleet.ready_in_ms ?? 0
  assert.ok(left > 0 && left <= ttlSeconds * 1000, `${left} ms`)
  await eventually(() =>
    assert.ok(first.lines.some((line) => /fleet_store=learning ready=false ready_in_ms=\d+/.test(line))),
  )
  const answer = await fetch(`${first.proxy}/github/x`)
  assert.equal(await answer.text(), 'done')
  const ready = await readiness(first)
  assert.deepEqual([ready.code, ready.body.status], [200, 'ready'])
  assert.equal(ready.body.fleet.ready_in_ms, undefined)

  await using second = await startSpillway(yaml)
  await eventually(async () => assert.equal((await readiness(second)).code, 200))
  assert.ok(!second.lines.some((line) => line.includes('ready=false')))

  // Emptied under sidecars that serve: they go on with what they hold, and stay ready.
  const admin = createClient({ url: server.url })
  await admin.connect()
  await admin.flushAll()
  admin.destroy()
  await eventually(async () => {
    const { code, body } = await readiness(first)
    assert.deepEqual([code, body.status, body.fleet.store], [200, 'ready', 'learning'])
  })
})

test('on PostgreSQL two sidecars that make the tables wait for nothing, however long the TTL is', async () => {
  await using server = await startPostgres()
  await using tool = await fakeTool((_, response) => response.end('done'))
  const yaml = yamlFor(server.url, tool.url, 600)
  const sidecars = await Promise.all([startSpillway(yaml), startSpillway(yaml)])
  try {
    for (const sidecar of sidecars) {
      await eventually(async () => assert.equal((await readiness(sidecar)).body.fleet.store, 'up'))
      assert.equal(await (await fetch(`${sidecar.proxy}/github/x`)).text(), 'done')
      assert.ok(!sidecar.lines.some((line) => line.includes('learning')))
    }
  } finally {
    await Promise.all(sidecars.map((sidecar) => sidecar[Symbol.asyncDispose]()))
  }
})
