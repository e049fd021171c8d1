/**
 * A reload of every configuration key in turn, in a running sidecar: the report names the key, and says whether it needs
 * a restart; and where the effect is cheap to see from outside, it is there.
 */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { Sidecar } from '../../src/sidecar.ts'
import { systemClock } from '../../src/time/system.ts'
import { settingsIn } from '../config/reading.ts'
import { baseFile, PART_FLIPS, PROCESS_FLIPS, TOOL_FLIPS } from '../config/flips.ts'
import { eventually } from '../support/eventually.ts'
import { after, fakeTool } from '../support/fake-tool.ts'
import { startSpillway } from '../support/process.ts'
import { VISIBLE, worldOf } from './reload-effects.ts'

test('a reload reports each key under its name, and again when it is changed back', async () => {
  let file = baseFile()
  const sidecar = new Sidecar({
    settings: settingsIn(file),
    clock: systemClock,
    random: Math.random,
    log: () => undefined,
    token: undefined,
    openFiles: Infinity,
    reread: () => ({ ok: true, settings: settingsIn(file) }),
  })
  const reload = (text: string) => {
    file = text
    return sidecar.reload()
  }
  const nothing = { reloaded: true, added: [], changed: [], removed: [], takes_effect: [], needs_restart: [] }
  try {
    for (const { name, row, isOfProcess, tool, before, after } of [
      ...PROCESS_FLIPS,
      ...TOOL_FLIPS,
      ...PART_FLIPS,
    ]) {
      reload(before)
      assert.deepEqual(reload(before), { ok: true, body: nothing }, name)
      const ofTool = name === 'mcp.server' ? ['upstream', 'mcp'] : [row.name]
      const ofProcess = name.startsWith('fleet.') ? 'fleet' : name
      const report = !isOfProcess
        ? { changed: [{ tool, keys: ofTool }] }
        : row.key.reload === 'restart'
          ? { needs_restart: [ofProcess] }
          : { takes_effect: [ofProcess] }
      assert.deepEqual(reload(after).body, { ...nothing, ...report }, name)
      // What needs a restart still runs with the old value.
      const back = isOfProcess && row.key.reload === 'restart' ? {} : report
      assert.deepEqual(reload(before).body, { ...nothing, ...back }, name)
    }
  } finally {
    await sidecar.close()
  }
})

test('the effect of a reload is seen from outside, key by key', async (context) => {
  await using tool = await fakeTool(after(0))
  const yaml = (name: string, settings: string) =>
    `tools: { ${name}: { upstream: "${tool.url}", ${settings} } }`
  await using spillway = await startSpillway(yaml('other', 'ttlSeconds: 60'))
  const reload = async (text: string): Promise<{ changed: readonly { keys: readonly string[] }[] }> => {
    await writeFile(spillway.file, text)
    const response = await fetch(`${spillway.admin}/reload`, { method: 'POST' })
    assert.equal(response.status, 200, await response.clone().text())
    return (await response.json()) as { changed: readonly { keys: readonly string[] }[] }
  }
  const world = worldOf(spillway, tool)
  for (const { key, before, after: next, tool: answer = after(0), look, sees } of VISIBLE) {
    await context.test(key, async () => {
      tool.answer = answer
      await reload(yaml('t', before))
      assert.deepEqual(await look(world), sees[0])
      const { changed } = await reload(yaml('t', next))
      assert.ok(changed[0]?.keys.includes(key), JSON.stringify(changed))
      assert.deepEqual(await look(world), sees[1])
      // The next lane of this name is a new one, which has learned nothing.
      await reload(yaml('other', 'ttlSeconds: 60'))
    })
  }
})

test('another upstream gets the calls that start after the reload', async () => {
  await using one = await fakeTool(after(0, 'one'))
  await using two = await fakeTool(after(0, 'two'))
  const yaml = (url: string) => `tools: { t: { upstream: "${url}" } }`
  await using spillway = await startSpillway(yaml(one.url))
  assert.equal((await worldOf(spillway, one).call()).text, 'one')
  await writeFile(spillway.file, yaml(two.url))
  await fetch(`${spillway.admin}/reload`, { method: 'POST' })
  assert.equal((await worldOf(spillway, two).call()).text, 'two')
})

test('a call that waits during a reload is forwarded by the new upstream, stripPath and keepHost', async () => {
  await using one = await fakeTool(after(600))
  await using two = await fakeTool((request, response) => {
    response.end(`${request.url ?? ''} ${request.headers.host ?? ''}`)
  })
  const yaml = (upstream: string, more: string) =>
    `tools: { t: { upstream: "${upstream}", maxConcurrent: 1, ${more} } }`
  await using spillway = await startSpillway(yaml(`${one.url}/v1`, 'keepHost: false'))
  const { call, lane } = worldOf(spillway, one)
  const running = call()
  await eventually(async () => assert.equal(await lane('active_workers'), 1))
  const waiting = call({ path: '/t/x', headers: { Host: 'caller.example' } })
  await eventually(async () => assert.equal(await lane('queue_depth'), 1))
  await writeFile(spillway.file, yaml(`${two.url}/v2`, 'keepHost: true, stripPath: false'))
  await fetch(`${spillway.admin}/reload`, { method: 'POST' })
  assert.equal((await running).text, 'done')
  assert.equal((await waiting).text, '/v2/t/x caller.example')
})

test('another drainSeconds counts for the next SIGTERM', async () => {
  await using tool = await fakeTool(after(0))
  const yaml = (seconds: number) => `drainSeconds: ${seconds}\ntools: { t: { upstream: "${tool.url}" } }`
  await using spillway = await startSpillway(yaml(20))
  await writeFile(spillway.file, yaml(7))
  await fetch(`${spillway.admin}/reload`, { method: 'POST' })
  spillway.signal('SIGTERM')
  assert.equal(await spillway.exited, 0)
  assert.match(spillway.lines.join('\n'), /drain=started .*seconds=7\b/)
})
