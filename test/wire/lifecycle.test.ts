/**
 * Starting, reloading and stopping a real process: its commands and exit codes, its signals, and what a reload or a drain
 * does to running and waiting calls.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { Callers, statusOf } from '../support/callers.ts'
import { eventually, pause } from '../support/eventually.ts'
import { after, fakeTool } from '../support/fake-tool.ts'
import { NODE, startSpillway } from '../support/process.ts'

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname

function cli(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(NODE, [MAIN, ...args], {
    encoding: 'utf8',
    timeout: 20_000,
  })
  return { status, stdout, stderr }
}

test('SIGTERM lets running and waiting work finish, refuses new work and exits 0', async () => {
  await using tool = await fakeTool(after(700))
  await using spillway = await startSpillway(`tools: { t: { upstream: "${tool.url}", maxConcurrent: 1 } }`)
  const work = Promise.all([1, 2].map(async () => (await fetch(`${spillway.proxy}/t`)).status))
  await eventually(async () => assert.equal((await spillway.lane('t')).queue_depth, 1))
  assert.equal((await fetch(`${spillway.admin}/readyz`)).status, 200)
  spillway.signal('SIGTERM')
  await eventually(async () => assert.equal((await fetch(`${spillway.admin}/readyz`)).status, 503))
  assert.equal((await fetch(`${spillway.admin}/healthz`)).status, 200)
  const refused = await fetch(`${spillway.proxy}/t`)
  assert.equal(refused.status, 503)
  assert.equal(((await refused.json()) as { reason: string }).reason, 'DRAINING')
  assert.match(refused.headers.get('retry-after') ?? '', /^[1-9]\d*$/)
  assert.deepEqual(await work, [200, 200])
  assert.equal(await spillway.exited, 0)
})

test('a second SIGTERM ends the process at once with exit code 5', async () => {
  await using tool = await fakeTool((request) => void request.resume())
  await using spillway = await startSpillway(`tools: { t: { upstream: "${tool.url}" } }`, {
    args: ['--drain-seconds', '3600'],
  })
  const work = fetch(`${spillway.proxy}/t`)
  const broken = assert.rejects(work)
  await eventually(() => assert.equal(tool.seen.active, 1))
  spillway.signal('SIGTERM')
  await eventually(async () => assert.equal((await fetch(`${spillway.admin}/readyz`)).status, 503))
  // Signals less than 100 ms apart count as one, and a busy machine may deliver two that close: so it is repeated.
  const again = setInterval(() => spillway.signal('SIGTERM'), 300)
  assert.equal(await spillway.exited, 5)
  clearInterval(again)
  await broken
})

test('a drain that runs out of time exits 5', async () => {
  await using tool = await fakeTool((request) => void request.resume())
  await using spillway = await startSpillway(`tools: { t: { upstream: "${tool.url}" } }`, {
    args: ['--drain-seconds', '0.3'],
  })
  const broken = assert.rejects(fetch(`${spillway.proxy}/t`))
  await eventually(() => assert.equal(tool.seen.active, 1))
  spillway.signal('SIGTERM')
  assert.equal(await spillway.exited, 5)
  await broken
})

test('SIGHUP takes a good file and keeps queues and leases; a bad one changes nothing', async () => {
  await using tool = await fakeTool(after(1200))
  const yaml = (most: number) =>
    `tools: { t: { upstream: "${tool.url}", maxConcurrent: ${most}, controller: { algorithm: fixed } } }`
  await using spillway = await startSpillway(yaml(1))
  const work = Promise.all([1, 2, 3].map(async () => (await fetch(`${spillway.proxy}/t`)).status))
  await eventually(async () => assert.equal((await spillway.lane('t')).queue_depth, 2))
  await writeFile(spillway.file, yaml(0))
  spillway.signal('SIGHUP')
  await eventually(() => assert.match(spillway.lines.join('\n'), /reload=refused/))
  assert.equal((await spillway.lane('t')).limit, 1)
  await writeFile(spillway.file, yaml(3))
  spillway.signal('SIGHUP')
  await eventually(async () => assert.deepEqual(depths(await spillway.lane('t')), [0, 3, 3]))
  assert.deepEqual(await work, [200, 200, 200])
})

test('a reload that moves or removes a tool lets the running and waiting calls of its lane finish', async () => {
  await using before = await fakeTool(after(600))
  await using next = await fakeTool(after(10, 'moved'))
  const yaml = (name: string, url: string, connect: number) =>
    `tools: { ${name}: { upstream: "${url}", maxConcurrent: 1, connectTimeoutSeconds: ${connect} } }`
  await using spillway = await startSpillway(yaml('t', before.url, 5))
  const get = async () => (await fetch(`${spillway.proxy}/t`)).text()
  const running = get()
  await eventually(async () => assert.equal((await spillway.lane('t')).active_workers, 1))
  const waiting = get()
  await eventually(async () => assert.equal((await spillway.lane('t')).queue_depth, 1))
  await writeFile(spillway.file, yaml('t', next.url, 4))
  await fetch(`${spillway.admin}/reload`, { method: 'POST' })
  assert.deepEqual(await Promise.all([running, waiting]), ['done', 'moved'])
  next.answer = after(500, 'last')
  const last = Promise.all([get(), get()])
  await eventually(async () => assert.equal((await spillway.lane('t')).queue_depth, 1))
  await writeFile(spillway.file, yaml('other', next.url, 4))
  await fetch(`${spillway.admin}/reload`, { method: 'POST' })
  assert.deepEqual(await last, ['last', 'last'])
  assert.equal((await fetch(`${spillway.proxy}/t`)).status, 404)
})

test('a call whose tool a reload removes while its body arrives is answered NO_ROUTE', async () => {
  await using tool = await fakeTool(after(0))
  const yaml = (more: string) => `tools: { other: { upstream: "${tool.url}" }${more} }`
  const removed = `, t: { upstream: "${tool.url}" }, m: { upstream: "${tool.url}", mcp: {} }`
  await using spillway = await startSpillway(yaml(removed))
  using callers = new Callers()
  const call = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x"}}'
  const open = (path: string) =>
    callers.open(
      spillway.proxyPort,
      `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${call.length}\r\n\r\n{`,
    )
  const [plain, mcp] = [open('/t'), open('/m')]
  await eventually(async () =>
    assert.match(await spillway.metrics(), /spillway_connections\{listener="proxy",state="busy"\} 2/),
  )
  await writeFile(spillway.file, yaml(''))
  assert.equal((await fetch(`${spillway.admin}/reload`, { method: 'POST' })).status, 200)
  for (const { socket } of [plain, mcp]) socket.write(call.slice(1))
  await eventually(() => {
    for (const { text } of [plain, mcp]) assert.match(text, /NO_ROUTE[\s\S]*not_executed\\?":true/)
  })
  assert.equal(statusOf(plain), 404)
  assert.equal(tool.seen.calls, 0)
})

test('a tool that a second reload brings back has its old calls in its lane', async () => {
  await using tool = await fakeTool(after(1000))
  const yaml = (name: string) => `tools: { ${name}: { upstream: "${tool.url}", maxConcurrent: 2 } }`
  await using spillway = await startSpillway(yaml('t'))
  const get = async () => (await fetch(`${spillway.proxy}/t`)).status
  const old = [get(), get(), get()]
  await eventually(() => assert.equal(tool.seen.active, 2))
  for (const name of ['other', 't']) {
    await writeFile(spillway.file, yaml(name))
    await fetch(`${spillway.admin}/reload`, { method: 'POST' })
  }
  assert.deepEqual(await Promise.all([...old, get(), get()]), [200, 200, 200, 200, 200])
  assert.equal(tool.seen.mostActive, 2)
})

const depths = (lane: { queue_depth: number; active_workers: number; limit: number }) => [
  lane.queue_depth,
  lane.active_workers,
  lane.limit,
]

test('POST /reload adds and removes tools and names every problem of a bad file', async () => {
  await using tool = await fakeTool(after(0))
  await using spillway = await startSpillway(`tools: { old: { upstream: "${tool.url}" } }`)
  await writeFile(spillway.file, `tools: { young: { upstream: "${tool.url}" } }`)
  const good = await fetch(`${spillway.admin}/reload`, { method: 'POST' })
  assert.deepEqual(await good.json(), {
    reloaded: true,
    added: ['young'],
    changed: [],
    removed: ['old'],
    takes_effect: [],
    needs_restart: [],
  })
  assert.equal((await fetch(`${spillway.proxy}/young`)).status, 200)
  assert.equal((await fetch(`${spillway.proxy}/old`)).status, 404)
  await writeFile(
    spillway.file,
    `tools: { young: { upstream: "${tool.url}", maxConcurent: 3, ttlSeconds: x } }`,
  )
  const bad = await fetch(`${spillway.admin}/reload`, { method: 'POST' })
  assert.equal(bad.status, 422)
  assert.equal(((await bad.json()) as { problems: string[] }).problems.length, 2)
  assert.equal((await fetch(`${spillway.proxy}/young`)).status, 200)
})

test('a configuration with problems refuses the start with exit 3 and names them all', async () => {
  await using tool = await fakeTool(after(0))
  await using running = await startSpillway(`tools: { t: { upstream: "${tool.url}" } }`)
  await writeFile(running.file, 'tools:\n  t:\n    maxConcurent: 3\n')
  for (const command of ['run', 'check']) {
    const { status, stderr } = cli(command, '-c', running.file)
    assert.equal(status, 3)
    assert.match(stderr, /tools\.yaml:3:5 tools\.t\.maxConcurent: .*maxConcurrent/)
    assert.match(stderr, /tools\.t\b.*upstream/)
  }
})

test('an address in use is exit 4, an unknown word exit 2, and help and version exit 0', async () => {
  await using tool = await fakeTool(after(0))
  await using running = await startSpillway(`tools: { t: { upstream: "${tool.url}" } }`)
  const taken = cli(
    'run',
    '-c',
    running.file,
    '--listen',
    `127.0.0.1:${running.proxyPort}`,
    '--admin',
    '127.0.0.1:0',
  )
  assert.equal(taken.status, 4)
  assert.match(taken.stdout, /in use/)
  assert.equal(cli('rnu').status, 2)
  assert.equal(cli('run', '--nope').status, 2)
  assert.match(cli('--help').stdout, /usage:/)
  const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  assert.equal(cli('--version').stdout.trim(), version)
})

test('healthcheck exits 0 for a running proxy and 1 for a stopped one', async () => {
  await using tool = await fakeTool(after(0))
  await using running = await startSpillway(`tools: { t: { upstream: "${tool.url}" } }`)
  const admin = running.admin.replace('http://', '')
  assert.equal(cli('healthcheck', '--admin', admin).status, 0)
  running.signal('SIGTERM')
  await running.exited
  assert.equal(cli('healthcheck', '--admin', admin).status, 1)
})

test('--upstream starts one tool without a file and prints the equivalent tools.yaml', async () => {
  await using tool = await fakeTool(after(0))
  const { spawn } = await import('node:child_process')
  const args = [
    '--upstream',
    tool.url,
    '--concurrency',
    '2',
    '--listen',
    '127.0.0.1:0',
    '--admin',
    '127.0.0.1:0',
    '--log',
    'text',
  ]
  const child = spawn(NODE, [MAIN, ...args])
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
  try {
    await eventually(() => assert.match(text, /listen=(\S+)/))
    assert.match(text, /maxConcurrent: 2/)
    const listen = /listen=(\S+)/.exec(text)?.[1] ?? ''
    assert.equal((await fetch(`http://${listen}/anything`)).status, 200)
  } finally {
    child.kill('SIGTERM')
    await new Promise((resolve) => child.on('exit', resolve))
    await pause(0)
  }
})
