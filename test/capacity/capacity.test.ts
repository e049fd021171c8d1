/**
 * How the limit of open files is divided among callers, tools and operators, and the warning where it is too low for
 * the configured lanes.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { capacityOf, shortage } from '../../src/capacity/capacity.ts'
import { parseSettings } from '../../src/config/load.ts'
import type { ToolSettings } from '../../src/config/settings.ts'
import { check } from '../../src/cli/check.ts'

function toolsOf(text: string): readonly ToolSettings[] {
  const parsed = parseSettings({ text, file: 'tools.yaml', env: {}, flags: {} })
  assert.ok(parsed.ok)
  return parsed.settings.tools
}

const TWO = toolsOf(
  'tools: { deep: { upstream: "http://a", maxQueueDepth: 20000 }, usual: { upstream: "http://b" } }',
)
const MCP = toolsOf('tools: { server: { upstream: "http://a", mcp: {} } }')
const MANY = toolsOf(
  `tools: { ${Array.from({ length: 40 }, (_, i) => `t${i}: { upstream: "http://a" }`).join(', ')} }`,
)

for (const [name, tools] of Object.entries({ TWO, MCP, MANY })) {
  test(`callers, tools, operators and the process itself fit into any usual limit of open files (${name})`, () => {
    for (let files = 128; files <= 1_048_576; files = Math.ceil(files * 1.3)) {
      const { proxy, admin } = capacityOf(files, tools)
      const running = Math.min(proxy.most, tools.length * 8 + (name === 'MCP' ? 1280 : 0))
      assert.ok(proxy.connections + admin.connections + running + 25 <= files, `${files}`)
      assert.ok(proxy.most >= 16 && proxy.connections >= proxy.most + 8)
      assert.ok(admin.connections >= 8 && admin.most >= 1)
      assert.ok(proxy.connections <= 10_000)
    }
  })
}

test('a process with few open files or without a limit takes at least one call', () => {
  for (const files of [1, 16, 40, 64, Infinity]) assert.ok(capacityOf(files, TWO).proxy.most >= 1)
  assert.equal(capacityOf(Infinity, TWO).proxy.connections, 10_000)
})

test('queues and limits beyond the open files cause a warning with a remedy', () => {
  assert.equal(shortage(1_048_576, MCP), undefined)
  assert.equal(
    shortage(256, MCP)?.remedy,
    'lower maxQueueDepth, of server first, which is 100, or raise ulimit -n to 326',
  )
  assert.deepEqual(shortage(256, TWO), {
    what: "the limits and queues of all lanes together are 20116 calls, and this process holds 144 with 256 open files: callers beyond a lane's share of that get 503 PROXY_OVERLOADED",
    remedy:
      'lower maxQueueDepth, of deep first, which is 20000, or raise ulimit -n to 11494 (then it holds 9488 calls; no process holds more)',
  })
})

test('the advised limit of open files is the lowest that is enough', () => {
  const advised = Number(/ulimit -n to (\d+)$/.exec(shortage(256, MANY)?.remedy ?? '')?.[1])
  assert.equal(shortage(advised, MANY), undefined)
  assert.notEqual(shortage(advised - 1, MANY), undefined)
})

test('check warns of too few open files and exits with 0', () => {
  const out: string[] = []
  const err: string[] = []
  const file = new URL('../../tools.yaml', import.meta.url).pathname
  const print = { out: (line: string) => out.push(line), err: (line: string) => err.push(line) }
  assert.equal(check({ config: file, flags: {} }, print, 256), 0)
  assert.match(
    err.join('\n'),
    /warning: the limits and queues .* of embeddings first, which is 400, or raise/,
  )
  assert.match(out.join('\n'), /ok, 3 tools/)
})
