/**
 * Kept-alive connections that the tool closes while they are idle. An idempotent request that meets such a close is sent
 * once more over a fresh connection; any other request is never sent twice. After the first such close the proxy stops
 * reusing connections that have been idle for nearly as long.
 */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { byteTool } from '../support/byte-tool.ts'
import type { ByteTool } from '../support/byte-tool.ts'
import { eventually, pause } from '../support/eventually.ts'
import { startSpillway } from '../support/process.ts'
import type { Spillway } from '../support/process.ts'

const ok = (headers = '') => `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n${headers}\r\nok`

const reconnects = async (spillway: Spillway, tool = 't'): Promise<number> =>
  Number(
    new RegExp(`spillway_upstream_reconnects_total\\{tool="${tool}"\\} (\\d+)`).exec(
      await spillway.metrics(),
    )?.[1],
  )

/** A tool that answers the first request of each connection; `onSecond` gets every later one. */
async function closingTool(onSecond: Parameters<typeof byteTool>[0], answer = ok()): Promise<ByteTool> {
  return byteTool((socket, nth, connection) => {
    if (nth === 1) socket.write(answer)
    else onSecond(socket, nth, connection)
  })
}

for (const [how, close] of [
  ['ends', (socket) => socket.end()],
  ['resets', (socket) => socket.resetAndDestroy()],
] as const satisfies readonly (readonly [string, Parameters<typeof byteTool>[0]])[]) {
  test(`when the tool ${how} an idle connection as a request arrives, only an idempotent request is sent again`, async (onTestEnd) => {
    const methods: readonly (readonly [method: string, body: string | undefined, isSafe: boolean])[] = [
      ['GET', undefined, true],
      ['HEAD', undefined, true],
      ['OPTIONS', undefined, true],
      ['DELETE', undefined, true],
      ['PUT', 'the body', true],
      ['POST', 'the body', false],
      ['POST', undefined, false],
      ['PATCH', 'the body', false],
    ]
    // One tool per method, because the proxy learns from one such close and would avoid the next.
    const tools = await Promise.all(methods.map(() => closingTool(close)))
    onTestEnd.after(async () => {
      for (const tool of tools) await tool[Symbol.asyncDispose]()
    })
    const yaml = tools.map(({ url }, i) => `t${i}: { upstream: "${url}" }`).join(', ')
    await using spillway = await startSpillway(`tools: { ${yaml} }`)
    for (const [i, [method, body, isSafe]] of methods.entries()) {
      const url = `${spillway.proxy}/t${i}`
      assert.equal((await fetch(url)).status, 200)
      const { status } = await fetch(url, { method, ...(body !== undefined && { body }) })
      const sent = tools[i]!.heads.slice(1)
      assert.deepEqual([method, status, sent.length], [method, isSafe ? 200 : 502, isSafe ? 2 : 1])
      for (const head of sent) {
        assert.match(head, new RegExp(`^${method} /`))
        assert.ok(head.endsWith(`\r\n\r\n${body ?? ''}`))
      }
      assert.equal(await reconnects(spillway, `t${i}`), isSafe ? 1 : 0)
      const lane = await spillway.lane(`t${i}`)
      assert.deepEqual([lane.active_workers, lane.totals.failed], [0, isSafe ? 0 : 1])
    }
  })
}

test('a request is sent again only once, and a second failure is answered with not_executed false', async () => {
  await using tool = await byteTool((socket, nth, connection) => {
    if (nth === 1 && connection === 1) socket.write(ok())
    else socket.end()
  })
  await using spillway = await startSpillway(`tools: { t: { upstream: "${tool.url}" } }`)
  assert.equal((await fetch(`${spillway.proxy}/t`)).status, 200)
  const body = (await (await fetch(`${spillway.proxy}/t`)).json()) as Record<string, unknown>
  assert.deepEqual(
    [body['reason'], body['cause'], body['not_executed']],
    ['UPSTREAM_FAILED', 'closed', false],
  )
  assert.equal(tool.heads.length, 3)
  // The next request starts on a fresh connection, so it is not sent again.
  assert.equal((await fetch(`${spillway.proxy}/t`)).status, 502)
  assert.equal(tool.heads.length, 4)
})

test('a request whose second attempt finds the tool gone is answered with not_executed false', async () => {
  await using tool = await closingTool((socket) => {
    void tool[Symbol.asyncDispose]()
    socket.end()
  })
  await using spillway = await startSpillway(`tools: { t: { upstream: "${tool.url}" } }`)
  assert.equal((await fetch(`${spillway.proxy}/t`)).status, 200)
  const body = (await (await fetch(`${spillway.proxy}/t`)).json()) as Record<string, unknown>
  assert.deepEqual(
    [body['reason'], body['cause'], body['not_executed']],
    ['UPSTREAM_FAILED', 'refused', false],
  )
})

test('a request whose answer has begun is not sent again', async () => {
  await using tool = await closingTool((socket) => {
    socket.write('HTTP/1.1 1')
    setTimeout(() => socket.end(), 50)
  })
  await using spillway = await startSpillway(`tools: { t: { upstream: "${tool.url}" } }`)
  assert.equal((await fetch(`${spillway.proxy}/t`)).status, 200)
  assert.equal((await fetch(`${spillway.proxy}/t`)).status, 502)
  assert.equal(tool.heads.length, 2)
})

test('a WebSocket handshake is sent again, too', async () => {
  const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
  await using tool = await byteTool((socket, nth, connection) => {
    if (connection === 1 && nth === 2) socket.end()
    else socket.write(connection === 1 ? ok() : `${switching}hello`)
  })
  await using spillway = await startSpillway(`tools: { t: { upstream: "${tool.url}" } }`)
  assert.equal((await fetch(`${spillway.proxy}/t`)).status, 200)
  const socket = connect(spillway.proxyPort, '127.0.0.1')
  socket.on('error', () => undefined)
  let text = ''
  socket.on('data', (chunk) => (text += chunk.toString()))
  socket.write('GET /t HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  await eventually(() => assert.match(text, /101 Switching Protocols[\s\S]*hello$/))
  assert.equal(await reconnects(spillway), 1)
  socket.destroy()
})

/** Returns how many new connections `count` requests take, each sent `gapMs` after the answer to the one before. */
async function connectionsFor(
  tool: ByteTool,
  spillway: Spillway,
  count: number,
  gapMs: number,
): Promise<number> {
  const before = tool.connections()
  for (let i = 0; i < count; i++) {
    if (i > 0) await pause(gapMs)
    assert.equal((await fetch(`${spillway.proxy}/t`)).status, 200)
  }
  return tool.connections() - before
}

test("the timeout in the tool's Keep-Alive header is obeyed, with a margin", async () => {
  await using tool = await byteTool((socket) => socket.write(ok('Keep-Alive: timeout=1\r\n')))
  await using spillway = await startSpillway(`tools: { t: { upstream: "${tool.url}" } }`)
  assert.equal(await connectionsFor(tool, spillway, 3, 850), 3)
  assert.ok((await connectionsFor(tool, spillway, 4, 10)) <= 1)
})

const CLOSES_AFTER_MS = 400
for (const [how, close] of [
  ['closes', (socket: Socket) => socket.end()],
  ['resets', (socket: Socket) => socket.resetAndDestroy()],
] as const)
  test(`after a tool ${how} an idle connection, later requests use none that has been idle for nearly as long`, async () => {
    await using tool = await byteTool((socket) => {
      socket.write(ok())
      socket.setTimeout(CLOSES_AFTER_MS, () => close(socket))
    })
    await using spillway = await startSpillway(`tools: { t: { upstream: "${tool.url}" } }`)
    assert.equal((await fetch(`${spillway.proxy}/t`)).status, 200)
    await pause(CLOSES_AFTER_MS + 200)
    assert.equal(await connectionsFor(tool, spillway, 4, CLOSES_AFTER_MS * 0.85), 4)
    assert.ok((await connectionsFor(tool, spillway, 4, 10)) <= 1)
    assert.equal(await reconnects(spillway), 0)
  })
