/**
 * Stores over TLS with a password in the URL: a certificate that is trusted works, one that is not is not used.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { openStore } from '../../src/fleet/open.ts'
import { systemClock } from '../../src/time/system.ts'
import { eventually } from '../support/eventually.ts'
import { startSpillway } from '../support/process.ts'
import { PASSWORD, startPostgres, startRedis } from '../support/store-servers.ts'

describe('stores over TLS', { concurrency: true }, () => {
  for (const [name, start] of [
    ['rediss://', startRedis],
    ['postgres:// with sslmode=verify-full', startPostgres],
  ] as const) {
    test(`${name} works with an authority that is trusted, and only with one`, async () => {
      await using server = await start({ tls: true })
      // This process does not trust it.
      const options = { fleet: 'tls', sidecar: 'untrusting', ttlMs: 1000, answerWithinMs: 1500 }
      const store = openStore(server.url, options, systemClock)
      const said = {
        tool: 'github',
        cap: 1,
        epoch: 0,
        returned: 0,
        held: 0,
        want: 0,
        order: 1,
        isLeaving: false,
      }
      await assert.rejects(store.report(said), (error: Error) => !error.message.includes(PASSWORD))
      await store.close()
      const yaml = `
fleet: { store: "${server.url}", leaseTtlSeconds: 1 }
tools: { github: { upstream: "http://127.0.0.1:1" } }
`
      const env = { NODE_EXTRA_CA_CERTS: server.certificate ?? '' }
      await using trusting = await startSpillway(yaml, { env })
      await eventually(() => assert.ok(trusting.lines.some((line) => line.includes('fleet_store=up'))))
    })
  }
})
