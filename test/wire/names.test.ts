/**
 * Tools with host names. A silent name server must delay only the tools whose names it serves, and the calls of these
 * tools must fail with the cause `dns`.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { eventually } from '../support/eventually.ts'
import { after, fakeTool } from '../support/fake-tool.ts'
import { nameServer } from '../support/name-server.ts'
import { startSpillway } from '../support/process.ts'

test('connections to a tool with a host name do not wait for the silent name servers of other tools', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'spillway-names-'))
  context.after(() => rm(folder, { recursive: true }))
  await using tool = await fakeTool(after(0))
  await using server = await nameServer((name) => {
    if (/^silent\d/.test(name)) return 'nothing'
    return name === 'good.test' ? { addresses: ['127.0.0.1'] } : 'no such name'
  })
  const resolvConf = await server.writeResolvConf(join(folder, 'resolv.conf'), 'search test\n')
  const silent = [1, 2, 3, 4, 5, 6, 7, 8].map(
    (n) => `s${n}: { upstream: "http://silent${n}.test:${tool.port}", connectTimeoutSeconds: 2 }`,
  )
  const named = `good: { upstream: "http://good.test:${tool.port}" }, short: { upstream: "http://good:${tool.port}" }, local: { upstream: "http://localhost:${tool.port}" }`
  await using spillway = await startSpillway(`tools: { ${silent.join(', ')}, ${named} }`, {
    env: { SPILLWAY_RESOLV_CONF: resolvConf },
  })
  const stuck = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => fetch(`${spillway.proxy}/s${n}`))
  await eventually(() => assert.ok(server.asked.filter((each) => each.startsWith('silent')).length >= 8))
  const startMs = performance.now()
  for (const name of ['good', 'short', 'local'])
    assert.equal((await fetch(`${spillway.proxy}/${name}`)).status, 200)
  assert.ok(performance.now() - startMs < 1200, `${performance.now() - startMs} ms`)
  for (const response of await Promise.all(stuck)) {
    const body = (await response.json()) as Record<string, unknown>
    assert.deepEqual(
      [response.status, body['reason'], body['cause'], body['not_executed']],
      [502, 'UPSTREAM_UNREACHABLE', 'dns', true],
    )
    assert.doesNotMatch(JSON.stringify(body), /silent\d/)
  }
  await eventually(() =>
    assert.ok(spillway.lines.some((line) => /tool=s1 call=failed .* cause=dns code=ETIMEOUT/.test(line))),
  )
})
