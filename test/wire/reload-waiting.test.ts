/**
 * A reload while a call waits. When its turn comes, the call goes to its tool as the tool is configured then: path, Host
 * and connections of the new configuration together, never the path of one and the server of another.
 */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { eventually } from '../support/eventually.ts'
import { fakeTool } from '../support/fake-tool.ts'
import type { FakeTool } from '../support/fake-tool.ts'
import { startSpillway } from '../support/process.ts'

/** What the tool saw of the call that waited. */
interface Arrived {
  readonly at: string
  readonly url: string | undefined
  readonly host: string | undefined
}

interface Tools {
  readonly first: FakeTool
  readonly second: FakeTool
}

/** Configuration with the lane `t`; `urls` are those of the tools. */
type Yaml = (urls: { readonly first: string; readonly second: string }) => string

async function waitThrough(before: Yaml, after: Yaml, path: string): Promise<Arrived> {
  const arrived: Arrived[] = []
  let release: (() => void) | undefined
  const toolNamed = (name: string): Promise<FakeTool> =>
    fakeTool(async ({ url, headers }, response) => {
      if (url?.includes('blocker') === true) await new Promise<void>((resolve) => (release = resolve))
      else arrived.push({ at: name, url, host: headers.host })
      response.end('ok')
    })
  await using first = await toolNamed('first')
  await using second = await toolNamed('second')
  const tools: Tools = { first, second }
  const yaml = (write: Yaml): string => write({ first: tools.first.url, second: tools.second.url })
  await using spillway = await startSpillway(yaml(before))
  const blocker = fetch(`${spillway.proxy}/t/blocker`)
  await eventually(() => assert.ok(release))
  const waiting = fetch(spillway.proxy + path)
  await eventually(async () => assert.equal((await spillway.lane('t')).queue_depth, 1))
  await writeFile(spillway.file, yaml(after))
  assert.equal((await fetch(`${spillway.admin}/reload`, { method: 'POST' })).status, 200)
  release?.()
  await (await blocker).text()
  assert.equal((await waiting).status, 200)
  const [only, ...others] = arrived
  assert.ok(only !== undefined && others.length === 0)
  return { ...only, host: only.host === new URL(second.url).host ? 'second' : only.host }
}

const lane = (settings: string): string =>
  `tools: { t: { maxConcurrent: 1, controller: { algorithm: fixed }, ${settings} } }`

test('a call that waits through a change of the upstream reaches the new server under its new base path', async () => {
  const before: Yaml = ({ first }) => lane(`upstream: "${first}/v1"`)
  const after: Yaml = ({ second }) => lane(`upstream: "${second}/v2"`)
  assert.deepEqual(await waitThrough(before, after, '/t/x?q=1'), {
    at: 'second',
    url: '/v2/x?q=1',
    host: 'second',
  })
})

test('a call that waits through a change of stripPath and keepHost gets the path and the Host of the new configuration', async () => {
  const before: Yaml = ({ second }) => lane(`upstream: "${second}"`)
  const after: Yaml = ({ second }) => lane(`upstream: "${second}/base", stripPath: false, keepHost: true`)
  const { at, url, host } = await waitThrough(before, after, '/t/x')
  assert.deepEqual([at, url], ['second', '/base/t/x'])
  assert.match(host ?? '', /^127\.0\.0\.1:\d+$/)
})

test('a call that waits through the end of stripPath: false loses its prefix', async () => {
  const before: Yaml = ({ second }) => lane(`upstream: "${second}", stripPath: false`)
  const after: Yaml = ({ second }) => lane(`upstream: "${second}/base/"`)
  assert.equal((await waitThrough(before, after, '/t/x/')).url, '/base/x/')
})

test('a call that waits through a change of match reaches the tool under the rest of its path', async () => {
  const before: Yaml = ({ second }) => lane(`upstream: "${second}/v1", match: [{ path: /t }]`)
  const after: Yaml = ({ second }) => lane(`upstream: "${second}/v2", match: [{ path: /renamed }]`)
  assert.equal((await waitThrough(before, after, '/t/x')).url, '/v2/x')
})
