/**
 * Why a tool could not be reached, or broke off a call. The caller's answer, the log, the lane, the events and the
 * metrics must give the same cause, and the caller's answer must contain no address or host name.
 */
import assert from 'node:assert/strict'
import { before, after as afterAll, test } from 'node:test'
import { eventually } from '../support/eventually.ts'
import { after, fakeTool } from '../support/fake-tool.ts'
import { startSpillway } from '../support/process.ts'
import type { Spillway } from '../support/process.ts'
import { byteTool } from '../support/byte-tool.ts'

interface Case {
  readonly tool: string
  readonly reason: string
  readonly cause: string
  readonly code: RegExp
  readonly phase: string
  readonly onRequest?: Parameters<typeof byteTool>[0]
}

const HEAD = 'HTTP/1.1 200 OK\r\n'
const LARGE = `${HEAD}X-Large: ${'a'.repeat(40_000)}\r\n\r\n`
const BROKEN: readonly Case[] = [
  {
    tool: 'closing',
    reason: 'UPSTREAM_FAILED',
    cause: 'closed',
    code: /^UND_ERR_SOCKET$/,
    phase: 'head',
    onRequest: (socket) => socket.end(),
  },
  {
    tool: 'resetting',
    reason: 'UPSTREAM_FAILED',
    cause: 'reset',
    code: /^ECONNRESET$/,
    phase: 'head',
    onRequest: (socket) => socket.resetAndDestroy(),
  },
  {
    tool: 'nonsense',
    reason: 'UPSTREAM_FAILED',
    cause: 'malformed',
    code: /^(?:HPE_\w+|HTTP_PARSER_ERROR)$/,
    phase: 'head',
    onRequest: (socket) => socket.end('this is no HTTP\r\n\r\n'),
  },
  {
    tool: 'large',
    reason: 'UPSTREAM_FAILED',
    cause: 'too_large',
    code: /^UND_ERR_HEADERS_OVERFLOW$/,
    phase: 'head',
    onRequest: (socket) => socket.write(LARGE),
  },
  {
    tool: 'switching',
    reason: 'UPSTREAM_FAILED',
    cause: 'malformed',
    code: /^UND_ERR_SOCKET$/,
    phase: 'head',
    onRequest: (socket) =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'),
  },
]
const UNREACHED: readonly Case[] = [
  {
    tool: 'down',
    reason: 'UPSTREAM_UNREACHABLE',
    cause: 'refused',
    code: /^ECONNREFUSED$/,
    phase: 'connect',
  },
  {
    tool: 'plain',
    reason: 'UPSTREAM_UNREACHABLE',
    cause: 'tls',
    code: /^(?:EPROTO|ERR_SSL_\w+)$/,
    phase: 'connect',
  },
]

let spillway: Spillway
const tools: AsyncDisposable[] = []

before(async () => {
  const gone = await fakeTool(after(0))
  await gone[Symbol.asyncDispose]()
  const plain = await fakeTool(after(0))
  tools.push(plain)
  const lines = [
    `down: { upstream: "${gone.url}" }`,
    `plain: { upstream: "https://localhost:${plain.port}" }`,
  ]
  for (const { tool, onRequest } of BROKEN) {
    const raw = await byteTool(onRequest ?? (() => undefined))
    tools.push(raw)
    lines.push(`${tool}: { upstream: "${raw.url}" }`)
  }
  const torn = await byteTool((socket) => {
    socket.write(`${HEAD}Content-Length: 100\r\n\r\nhalf`)
    setTimeout(() => socket.resetAndDestroy(), 50)
  })
  tools.push(torn)
  lines.push(`torn: { upstream: "${torn.url}" }`)
  spillway = await startSpillway(`tools: { ${lines.join(', ')} }`)
})

afterAll(async () => {
  await spillway[Symbol.asyncDispose]()
  for (const tool of tools) await tool[Symbol.asyncDispose]()
})

interface LastError {
  readonly last_error: {
    readonly reason: string
    readonly phase: string
    readonly cause: string
    readonly code: string
    readonly at: string
  } | null
}
const lastError = async (tool: string) => ((await spillway.lane(tool)) as unknown as LastError).last_error

for (const { tool, reason, cause, code, phase } of [...UNREACHED, ...BROKEN]) {
  test(`the failure of the tool "${tool}" is ${reason} with the cause ${cause} everywhere`, async () => {
    assert.equal(await lastError(tool), null)
    const events = await fetch(`${spillway.admin}/events`)
    const reader = events.body!.pipeThrough(new TextDecoderStream()).getReader()
    const response = await fetch(`${spillway.proxy}/${tool}`)
    const text = await response.text()
    const body = JSON.parse(text) as Record<string, unknown>
    assert.deepEqual(
      [response.status, body['reason'], body['cause'], body['not_executed']],
      [502, reason, cause, phase === 'connect'],
    )
    assert.doesNotMatch(text, /127\.0\.0\.1|localhost|::1|ECONN|UND_ERR|HPE_|ERR_/)
    const last = await lastError(tool)
    assert.ok(last !== null)
    assert.deepEqual([last.reason, last.phase, last.cause], [reason, phase, cause])
    assert.match(last.code, code)
    assert.ok(Math.abs(Date.parse(last.at) - Date.now()) < 60_000, last.at)
    await eventually(() => {
      const line =
        spillway.lines.find((each) => each.includes(`tool=${tool} call=failed reason=${reason}`)) ?? ''
      assert.match(line, new RegExp(` cause=${cause} code=${code.source.replace(/^\^|\$$/g, '')}( |$)`))
    })
    assert.match(
      await spillway.metrics(),
      new RegExp(`spillway_upstream_failures_total\\{tool="${tool}",cause="${cause}"\\} 1`),
    )
    let seen = ''
    while (!seen.includes('event: tool_failed')) seen += (await reader.read()).value ?? ''
    assert.match(
      seen,
      new RegExp(`event: tool_failed\\ndata: \\{"tool":"${tool}","phase":"${phase}","cause":"${cause}"`),
    )
    await reader.cancel()
  })
}

test('an answer that breaks off in its body gives its caller no reason, and the operator a cause', async () => {
  const response = await fetch(`${spillway.proxy}/torn`)
  await assert.rejects(response.text())
  await eventually(async () =>
    assert.deepEqual([(await lastError('torn'))?.phase, (await lastError('torn'))?.cause], ['body', 'reset']),
  )
  await eventually(() =>
    assert.ok(spillway.lines.some((line) => /tool=torn call=broken cause=reset code=ECONNRESET/.test(line))),
  )
})

test('a TLS handshake that is not finished in time has the cause timeout', async () => {
  await using silent = await byteTool(() => undefined)
  await using own = await startSpillway(
    `tools: { t: { upstream: "https://localhost:${silent.port}", connectTimeoutSeconds: 0.3 } }`,
  )
  const body = (await (await fetch(`${own.proxy}/t`)).json()) as Record<string, unknown>
  assert.deepEqual([body['reason'], body['cause']], ['UPSTREAM_UNREACHABLE', 'timeout'])
})
