/**
 * A run with a secret in every place that can hold one. No secret may appear in the log, on the pages of the admin
 * listener, in the output of `check`, or in an answer that Spillway itself gives.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Callers } from '../support/callers.ts'
import { eventually } from '../support/eventually.ts'
import { fakeTool } from '../support/fake-tool.ts'
import { startSpillway } from '../support/process.ts'
import { exchange } from '../support/raw.ts'

/** Part of every secret. */
const SECRET = /s3cr3t/i
const MAIN = new URL('../../src/main.ts', import.meta.url).pathname

/** Headers of a caller that identify it or give it access. */
const CARRIED = [
  'Authorization: Bearer s3cr3t-bearer',
  'Proxy-Authorization: Basic s3cr3t-basic',
  'x-api-key: s3cr3t-key',
  'Cookie: session=s3cr3t-cookie',
  'X-Agent-Id: s3cr3t-agent',
  'Mcp-Session-Id: s3cr3t-session',
  'Idempotency-Key: s3cr3t-idempotency',
  'Referer: http://s3cr3t.example/',
]

function request(target: string, more: readonly string[] = [], body = ''): string {
  const length = body === '' ? [] : [`Content-Length: ${body.length}`]
  const lines = [`POST ${target} HTTP/1.1`, 'Host: 127.0.0.1', ...CARRIED, ...more, ...length]
  return `${lines.join('\r\n')}\r\nConnection: close\r\n\r\n${body}`
}

test('no secret of a caller, a store, a token or a tool is logged, shown or answered', async () => {
  await using tool = await fakeTool((asked, response) => {
    asked.resume()
    if (asked.url?.includes('break') === true) response.destroy()
    else response.writeHead(500, { 'Set-Cookie': 's3cr3t=s3cr3t', 'X-Secret': 's3cr3t' }).end('s3cr3t')
  })
  await using spillway = await startSpillway(
    `
fleet: { store: "redis://user:s3cr3t-store@127.0.0.1:9", name: n, leaseTtlSeconds: 2, onStoreLoss: open }
tools:
  t: { upstream: "${tool.url}/s3cr3t-base", maxConcurrent: 1, maxQueueDepth: 1 }
  down: { upstream: "http://127.0.0.1:9/s3cr3t-base" }
  mcp: { upstream: "${tool.url}", mcp: {} }
`,
    { args: ['--admin', '0.0.0.0:0'], env: { SPILLWAY_ADMIN_TOKEN: 's3cr3t-token' } },
  )
  const port = spillway.proxyPort
  const adminPort = Number(new URL(spillway.admin).port)
  using callers = new Callers()
  const watching = callers.open(adminPort, 'GET /events HTTP/1.1\r\nHost: x\r\n\r\n')
  const call =
    '{"jsonrpc":"2.0","id":"s3cr3t-id","method":"tools/call","params":{"name":"s3cr3t","arguments":{"k":"s3cr3t"}}}'
  const asked = [
    request('/t/break?api_key=s3cr3t-query'),
    request('/down/x?token=s3cr3t-query', [], 's3cr3t-body'),
    request('/nowhere/s3cr3t-path?token=s3cr3t-query'),
    request('http://user:s3cr3t@127.0.0.1/t/x'),
    request('/t/x', ['X-Request-Id: s3cr3t id with spaces']),
    request('/t/x', ['Host: s3cr3t.example', 'Transfer-Encoding: s3cr3t']),
    request('/t/x', ['X-Large: '.padEnd(20_000, 's3cr3t')]),
    request('/mcp', ['Content-Type: application/json'], call.replace('}}}', '}}')),
    'GET /t s3cr3t\r\n\r\n',
  ]
  const own: string[] = []
  for (const bytes of asked) own.push(await exchange(port, bytes))
  await exchange(port, request('/mcp', ['Content-Type: application/json'], call))
  await Promise.all(Array.from({ length: 6 }, () => exchange(port, request('/t/break?s3cr3t'))))
  for (const token of ['s3cr3t-token', 's3cr3t-wrong']) {
    const head = `Host: s3cr3t.example\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\nContent-Length:`
    own.push(
      await exchange(
        adminPort,
        `POST /lanes/t/leases?s3cr3t HTTP/1.1\r\n${head} 20\r\n\r\n{"job_id": "a", "x":1`,
      ),
    )
    own.push(await exchange(adminPort, `PATCH /lanes/t HTTP/1.1\r\n${head} 8\r\n\r\n{"s3cr3t`))
    own.push(await exchange(adminPort, `POST /reload HTTP/1.1\r\n${head} 0\r\n\r\n`))
  }
  await writeFile(
    spillway.file,
    'fleet: { store: "redis://user:s3cr3t@[" }\ntools: { t: { upstream: "http://u:s3cr3t@h" } }\n',
  )
  spillway.signal('SIGHUP')
  await eventually(() => assert.match(spillway.lines.join('\n'), /reload=refused/))
  await eventually(() => assert.match(spillway.lines.join('\n'), /fleet_store=lost/))
  await eventually(() => assert.match(spillway.lines.join('\n'), /UPSTREAM_UNREACHABLE/))
  await eventually(() => assert.match(watching.text, /event: lanes/))
  const pages = await Promise.all(
    ['/metrics', '/lanes', '/readyz', '/'].map(async (path) => (await fetch(spillway.admin + path)).text()),
  )
  assert.doesNotMatch(pages.join('\n'), SECRET)
  assert.doesNotMatch(watching.text, SECRET)
  for (const line of spillway.lines) assert.doesNotMatch(line, SECRET)
  // The tool's own answers pass through, and may contain anything.
  const isToolsOwn = (answer: string): boolean =>
    /^HTTP\/1\.1 500 /.test(answer) && !answer.includes('X-Spillway-Reason')
  for (const answer of own.filter((each) => !isToolsOwn(each))) assert.doesNotMatch(answer, SECRET)
  spillway.signal('SIGTERM')
  await spillway.exited
  for (const line of spillway.lines) assert.doesNotMatch(line, SECRET)
})

test('the problems of a refused configuration are printed without its secrets', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'spillway-'))
  const file = join(folder, 'tools.yaml')
  const texts = [
    'fleet: { store: "redis://user:s3cr3t@host:notaport" }\ntools: { t: { upstream: "https://user:s3cr3t@host/" } }',
    'fleet: { store: "mysql://user:s3cr3t@host/db" }\ntools: { t: { upstream: "https://host/?key=s3cr3t" } }',
    'fleet: { store: "postgres://user:s3cr3t@host/db", name: [] }\ntools: { t: { upstream: "redis://user:s3cr3t@x" } }',
    'fleet: { store: "s3cr3t" }\ntools: { t: { upstream: "http://s3cr3t@" } }',
  ]
  try {
    for (const text of texts) {
      await writeFile(file, text)
      for (const command of ['check', 'run']) {
        const { stdout, stderr, status } = spawnSync(process.execPath, [MAIN, command, '-c', file], {
          encoding: 'utf8',
          timeout: 20_000,
        })
        assert.equal(status, 3, `${text}\n${stderr}`)
        assert.doesNotMatch(stdout + stderr, SECRET)
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
