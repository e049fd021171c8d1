/**
 * Interim (1xx) answers of tools, byte for byte: which of them reach the caller and which are dropped. A tool that sends
 * interim answers or a head without end must not hold its lease, and must not slow down other lanes.
 */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { before, after as afterAll, test } from 'node:test'
import { byteTool } from '../support/byte-tool.ts'
import type { ByteTool, OnRequest } from '../support/byte-tool.ts'
import { eventually } from '../support/eventually.ts'
import { after, fakeTool } from '../support/fake-tool.ts'
import type { FakeTool } from '../support/fake-tool.ts'
import { startSpillway } from '../support/process.ts'
import type { Spillway } from '../support/process.ts'
import { exchange } from '../support/raw.ts'

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n'
const HINTS =
  'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nLink: </b>; rel=preload\r\nConnection: x-hop\r\nX-Hop: 1\r\nX-Spillway-Tool: fake\r\nKeep-Alive: timeout=1\r\nX-Kept: yes\r\n\r\n'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

let spillway: Spillway
let tool: ByteTool
let quick: FakeTool
/** How the tool answers the next requests. */
let onRequest: OnRequest = () => undefined

before(async () => {
  tool = await byteTool((...seen) => onRequest(...seen))
  quick = await fakeTool(after(0))
  spillway = await startSpillway(
    `tools: { t: { upstream: "${tool.url}", leaseSeconds: 1 }, q: { upstream: "${quick.url}" } }`,
  )
})

afterAll(async () => {
  await spillway[Symbol.asyncDispose]()
  await tool[Symbol.asyncDispose]()
  await quick[Symbol.asyncDispose]()
})

const says = (...pieces: readonly string[]) => {
  onRequest = (socket) => void sayAll(socket, pieces)
}

async function sayAll(socket: Socket, pieces: readonly string[]): Promise<void> {
  for (const piece of pieces) {
    socket.write(piece, 'latin1')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

const ask = (head = 'GET /t HTTP/1.1', more = '') =>
  exchange(spillway.proxyPort, `${head}\r\nHost: a\r\nConnection: close\r\n${more}\r\n`)

/** The status codes of all answers in the text, interim ones included. */
const statuses = (text: string): string[] =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status!)

for (const [what, pieces] of [
  ['in one piece with the answer', [CONTINUE + OK]],
  ['on its own', [CONTINUE, OK]],
  ['several times', [CONTINUE + CONTINUE, CONTINUE, OK]],
  ['with headers', ['HTTP/1.1 100 Continue\r\nX-A: b\r\n\r\n', OK]],
  ['byte by byte', [...CONTINUE.split(''), OK]],
  ['split within its last line break', [CONTINUE.slice(0, -1), `\n${OK}`]],
  ['in HTTP/1.0', ['HTTP/1.0 100 Continue\r\n\r\n', OK]],
] as const) {
  test(`an unrequested 100 Continue, ${what}, is dropped and the answer arrives`, async () => {
    says(...pieces)
    const text = await ask()
    assert.deepEqual(statuses(text), ['200'])
    assert.match(text, /\r\n\r\nok$/)
  })
}

test('a 100 Continue is dropped on a connection that is used again, for a HEAD and for an upload', async () => {
  says(CONTINUE + OK)
  const connectionsBefore = tool.connections()
  for (let i = 0; i < 3; i++) assert.deepEqual(statuses(await ask()), ['200'])
  assert.ok(tool.connections() - connectionsBefore <= 1, 'the connection is kept')
  says(CONTINUE, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n')
  assert.deepEqual(statuses(await ask('HEAD /t HTTP/1.1')), ['200'])
  says(CONTINUE + OK)
  const sent = await exchange(
    spillway.proxyPort,
    'POST /t HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello',
  )
  assert.deepEqual(statuses(sent), ['200'])
})

test('a caller that expects 100 Continue gets exactly one', async () => {
  says(CONTINUE + OK)
  const text = await exchange(
    spillway.proxyPort,
    'POST /t HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello',
  )
  assert.deepEqual(statuses(text), ['100', '200'])
})

test('bytes of a body that look like an interim answer stay in the body', async () => {
  says(`HTTP/1.1 200 OK\r\nContent-Length: ${CONTINUE.length * 2}\r\n\r\n`, CONTINUE, CONTINUE)
  assert.ok((await ask()).endsWith(`\r\n\r\n${CONTINUE}${CONTINUE}`))
})

test('103 Early Hints and 102 Processing reach HTTP/1.1 callers, with their own headers only', async () => {
  says(HINTS, CONTINUE, 'HTTP/1.1 102 Processing\r\n\r\n', OK)
  const text = await ask()
  assert.deepEqual(statuses(text), ['103', '102', '200'])
  const hints = text.slice(0, text.indexOf('\r\n\r\n'))
  assert.deepEqual(hints.split('\r\n'), [
    'HTTP/1.1 103 Early Hints',
    'Link: </a>; rel=preload',
    'Link: </b>; rel=preload',
    'X-Kept: yes',
  ])
  assert.match(text, /X-Spillway-Tool: t\r\n[\s\S]*ok$/)
})

test('an HTTP/1.0 caller gets only the final answer', async () => {
  says(HINTS, OK)
  const text = await exchange(spillway.proxyPort, 'GET /t HTTP/1.0\r\nHost: a\r\n\r\n')
  assert.deepEqual(statuses(text), ['200'])
})

test('a 103 passes before a WebSocket handshake, and an unrequested 101 is UPSTREAM_FAILED', async () => {
  const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
  says(CONTINUE + HINTS + switching + 'from the tool')
  const socket = connect(spillway.proxyPort, '127.0.0.1')
  socket.on('error', () => undefined)
  let text = ''
  socket.on('data', (chunk) => (text += chunk.toString()))
  socket.write('GET /t HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  await eventually(() => assert.match(text, /101 Switching Protocols[\s\S]*from the tool$/))
  socket.destroy()
  says(switching)
  assert.match(await ask(), /^HTTP\/1\.1 502 [\s\S]*"reason":"UPSTREAM_FAILED","cause":"malformed"/)
})

test('the bound on bytes without content does not apply to an upgraded connection with a slow reader', async () => {
  const size = 30_000_000
  onRequest = (socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    socket.write('a'.repeat(size))
  }
  const socket = connect(spillway.proxyPort, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write('GET /t HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  let bytes = 0
  socket.on('data', (chunk) => (bytes += chunk.length))
  socket.pause()
  setTimeout(() => socket.resume(), 300)
  await eventually(() => assert.ok(bytes > size, `${bytes} bytes`))
  socket.destroy()
})

test('a tool that sends too many interim answers, or one that is too large, is cut off', async () => {
  for (const pieces of [[HINTS.repeat(40)], [`HTTP/1.1 103 x\r\nA: ${'b'.repeat(40_000)}`]]) {
    says(...pieces)
    const body = await ask()
    assert.match(
      body,
      /HTTP\/1\.1 502 [\s\S]*"reason":"UPSTREAM_FAILED","cause":"interim"[\s\S]*"not_executed":false/,
    )
    assert.ok(statuses(body).length <= 17)
  }
})

test('interim answers, and a head that arrives byte by byte, do not renew a lease', async () => {
  const drip = async (next: (i: number) => string): Promise<void> => {
    onRequest = (socket) => {
      let i = 0
      const timer = setInterval(() => socket.write(next(i++)), 200)
      socket.on('close', () => clearInterval(timer))
    }
    assert.match(await ask(), /HTTP\/1\.1 504 [\s\S]*LEASE_EXPIRED/)
  }
  await Promise.all([drip(() => HINTS)])
  await drip((i) => ('HTTP/1.1 200 OK\r\nX-Slow: ' + 'a'.repeat(100))[i] ?? 'a')
})

/** Floods of bytes without content, and the answer that the caller gets. Another lane is called during each. */
const FLOODS: readonly [what: string, start: string, piece: string, answer: RegExp][] = [
  ['103s', '', HINTS.repeat(100), /502 [\s\S]*"cause":"interim"/],
  ['empty lines', '', '\r\n'.repeat(10_000), /502 [\s\S]*"cause":"interim"/],
  ['a reason phrase', 'HTTP/1.1 200 ', 'a'.repeat(20_000), /502 [\s\S]*"cause":"too_large"/],
  ['header lines', 'HTTP/1.1 200 OK\r\n', 'A:\r\n'.repeat(5000), /502 [\s\S]*"cause":"too_large"/],
]
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
const BODY_FLOODS: readonly [what: string, start: string, piece: string, answer: RegExp][] = [
  ['chunk extensions', `${CHUNKED}1;`, 'a'.repeat(20_000), /^HTTP\/1\.1 200/],
  ['trailers', `${CHUNKED}0\r\n`, 'A: b\r\n'.repeat(5000), /^HTTP\/1\.1 200/],
]

for (const [what, start, piece, answer] of [...FLOODS, ...BODY_FLOODS]) {
  test(`a tool that floods its caller with ${what} is cut off, and other lanes go on`, async () => {
    let isOver = false
    onRequest = (socket) => {
      socket.on('close', () => (isOver = true))
      const flood = (): void => {
        while (!socket.destroyed && socket.write(piece));
      }
      socket.write(start)
      socket.on('drain', flood)
      flood()
    }
    const flooded = ask()
    let slowestMs = 0
    for (let i = 0; i < 10; i++) {
      const startMs = performance.now()
      assert.equal((await fetch(`${spillway.proxy}/q`)).status, 200)
      slowestMs = Math.max(slowestMs, performance.now() - startMs)
    }
    assert.match(await flooded, answer)
    await eventually(() => assert.ok(isOver, 'the connection is closed'))
    await eventually(async () => assert.equal((await spillway.lane('t')).active_workers, 0))
    assert.ok(slowestMs < 1000, `another lane took ${slowestMs} ms`)
  })
}
