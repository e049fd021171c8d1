/**
 * Pipelining: requests and other bytes that a caller sends behind a request that is not answered yet. They must be handled
 * in their turn, so that no answer of Spillway can be taken for the answer to the request before.
 */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { test } from 'node:test'
import { eventually, pause } from '../support/eventually.ts'
import { fakeTool } from '../support/fake-tool.ts'
import { startSpillway } from '../support/process.ts'
import type { Spillway } from '../support/process.ts'

const HOST = 'Host: a\r\n'
const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\n${HOST}${more}\r\n`
const post = (path: string, body: string): string =>
  `POST ${path} HTTP/1.1\r\n${HOST}Content-Length: ${body.length}\r\n\r\n${body}`
const chunked = (path: string, body: string): string =>
  `POST ${path} HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n` +
  `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`

/** A tool that answers with the path and the size of the body; it answers `/held` only after `letGo()`. */
async function echoTool() {
  let letGo = (): void => undefined
  let held = Promise.resolve()
  const tool = await fakeTool(async (request, response) => {
    const isHeld = request.url?.startsWith('/held')
    let bytes = 0
    for await (const chunk of request as AsyncIterable<Buffer>) bytes += chunk.length
    if (isHeld) await held
    response.end(`<${request.url ?? ''} ${bytes}>`)
  })
  const hold = (): void => {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    held = promise.then(() => undefined)
    letGo = () => resolve(undefined)
  }
  const close = () => tool[Symbol.asyncDispose]()
  return { tool, hold, letGo: () => letGo(), [Symbol.asyncDispose]: close }
}

/** One connection. `answers` gives what came back so far: the status of each answer, then the text of the tool. */
interface Line {
  readonly socket: Socket
  readonly all: () => string
  readonly answers: () => string[]
  readonly closed: Promise<unknown>
}

function dial(spillway: Spillway, ...packets: string[]): Line {
  let all = ''
  const socket = connect(spillway.proxyPort, '127.0.0.1')
  socket.setNoDelay(true).setEncoding('latin1')
  socket.on('data', (text) => (all += String(text))).on('error', () => undefined)
  for (const packet of packets) socket.write(packet, 'latin1')
  const closed = new Promise((resolve) => socket.on('close', resolve))
  const answers = (): string[] =>
    [...all.matchAll(/HTTP\/1\.1 (\d+)|<(.*?)>/g)].map(([, status, said]) => status ?? said ?? '')
  return { socket, all: () => all, answers, closed }
}

/** Bytes behind an unfinished request, and the answers that they get in their turn. */
const BEHIND: readonly [string, string, readonly string[]][] = [
  ['a call', get('/t/b', 'Connection: close\r\n'), ['200', '/b 0']],
  ['an upgrade', get('/t/b', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'), ['200', '/b 0']],
  ['an unknown protocol', get('/t/b', 'Connection: Upgrade\r\nUpgrade: x/1\r\n'), ['200', '/b 0']],
  [
    'an upgrade to h2c, ignored',
    get('/t/b', 'Connection: Upgrade, close\r\nUpgrade: h2c\r\n'),
    ['200', '/b 0'],
  ],
  [
    'an upgrade with a body, ignored',
    post('/t/b', 'body').replace(HOST, `${HOST}Connection: Upgrade, close\r\nUpgrade: h2c\r\n`),
    ['200', '/b 4'],
  ],
  ['an upgrade that no tool matches', get('/no', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'), ['404']],
  ['CONNECT', 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n', ['400']],
  ['an unknown Expect', post('/t/b', 'body').replace(HOST, `${HOST}Expect: tea\r\n`), ['400']],
  ['bytes that are not HTTP', 'a body without a length\r\n\r\n', ['400']],
  ['bytes that are not HTTP and have no end', 'a body without a length', ['400']],
  [
    'a Content-Length that is not a number',
    post('/t/b', 'body').replace('Length: 4', 'Length: four'),
    ['400'],
  ],
  ['large headers', get('/t/b', `X: ${'x'.repeat(20_000)}\r\n`), ['431']],
  ['many headers', get('/t/b', 'x: y\r\n'.repeat(1100)), ['431']],
  ['another version', get('/t/b').replace('HTTP/1.1', 'HTTP/2.0'), ['400']],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', ['400']],
]

interface First {
  readonly bytes: string
  readonly answer: readonly string[]
  /** Whether the request runs or waits until `letGo()`; undefined if it is answered at once. */
  readonly isHeld: 'running' | 'waiting' | undefined
}

const FIRSTS: Readonly<Record<string, First>> = {
  'a request that no tool matches': { bytes: get('/no'), answer: ['404'], isHeld: undefined },
  'a request with a body that no tool matches': {
    bytes: post('/no', 'body'),
    answer: ['404'],
    isHeld: undefined,
  },
  'a request that finds its lane full': {
    bytes: post('/full/x', 'body'),
    answer: ['429'],
    isHeld: undefined,
  },
  'a request that runs': { bytes: get('/t/held'), answer: ['200', '/held 0'], isHeld: 'running' },
  'a request that runs, with a body': {
    bytes: post('/t/held', 'body'),
    answer: ['200', '/held 4'],
    isHeld: 'running',
  },
  'a request that runs, with chunks': {
    bytes: chunked('/t/held', '\r\n\r\n'.repeat(1000)),
    answer: ['200', '/held 4000'],
    isHeld: 'running',
  },
  // Node's parser remembers an ignored Upgrade until the next head, and until then takes errors for another protocol.
  'a request that runs, with an Upgrade that is ignored': {
    bytes: get('/t/held', 'Connection: Upgrade\r\nUpgrade: h2c\r\n'),
    answer: ['200', '/held 0'],
    isHeld: 'running',
  },
  'a request that runs, with a body and an Upgrade that is ignored': {
    bytes: post('/t/held', 'body').replace(HOST, `${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\n`),
    answer: ['200', '/held 4'],
    isHeld: 'running',
  },
  'a request that waits': { bytes: get('/wait/held'), answer: ['200', '/held 0'], isHeld: 'waiting' },
  'a request that waits, with a body': {
    bytes: post('/wait/held', 'body'),
    answer: ['200', '/held 4'],
    isHeld: 'waiting',
  },
}

test('bytes behind an unfinished request are answered after it and do not end it', async (t) => {
  await using echo = await echoTool()
  const { tool, hold, letGo } = echo
  await using spillway = await startSpillway(`
defaults: { controller: { algorithm: fixed } }
tools:
  t: { upstream: "${tool.url}", maxConcurrent: 64 }
  wait: { upstream: "${tool.url}", maxConcurrent: 1 }
  full: { upstream: "${tool.url}", maxConcurrent: 1, maxQueueDepth: 0 }
`)
  for (const [name, { bytes, answer, isHeld }] of Object.entries(FIRSTS)) {
    await t.test(name, async () => {
      hold()
      const holders = ['/wait/held', '/full/held'].map((path) => dial(spillway, get(path)))
      await eventually(() => assert.equal(tool.seen.active, 2))
      const lines = BEHIND.map(([behind, more, answers]) => ({
        behind,
        answers: [...answer, ...answers],
        more,
        inOne: dial(spillway, bytes + more),
        inTwo: dial(spillway, bytes),
      }))
      if (isHeld === 'running') await eventually(() => assert.equal(tool.seen.active, 2 + 2 * BEHIND.length))
      if (isHeld === 'waiting')
        await eventually(async () =>
          assert.equal((await spillway.lane('wait')).queue_depth, 2 * BEHIND.length),
        )
      for (const { inTwo, more } of lines) inTwo.socket.write(more, 'latin1')
      if (isHeld !== undefined) {
        await pause(100)
        for (const { inOne, inTwo } of lines) assert.deepEqual([inOne.answers(), inTwo.answers()], [[], []])
      }
      // The full lane must stay full until its requests are refused.
      if (isHeld !== undefined) letGo()
      for (const { behind, answers, inOne, inTwo } of lines) {
        await Promise.all([inOne.closed, inTwo.closed])
        assert.deepEqual({ [behind]: [inOne.answers(), inTwo.answers()] }, { [behind]: [answers, answers] })
      }
      letGo()
      for (const { socket } of holders) socket.destroy()
      await eventually(() => assert.equal(tool.seen.active, 0))
    })
  }
})

test('500 pipelined requests, some with bodies, are answered in order and run one at a time', async () => {
  await using echo = await echoTool()
  const { tool } = echo
  await using spillway = await startSpillway(`tools: { t: { upstream: "${tool.url}" } }`)
  const kinds = [get, (path: string) => post(path, 'body'), (path: string) => chunked(path, 'a\r\n\r\nb')]
  const paths = Array.from({ length: 500 }, (_each, i) => `/t/${i}`)
  const requests = paths.map((path, i) => (kinds[i % 3] ?? get)(path))
  const line = dial(spillway, `${requests.join('')}${get('/t/end', 'Connection: close\r\n')}`)
  await line.closed
  const said = paths.map((path, i) => `${path.slice(2)} ${[0, 4, 6][i % 3] ?? 0}`)
  assert.deepEqual(
    line.answers().filter((each) => each.startsWith('/')),
    [...said, '/end 0'],
  )
  assert.equal(tool.seen.mostActive, 1)
  // The same must hold for bytes that arrive one by one.
  const few = requests.slice(0, 9).join('') + get('/t/end', 'Connection: close\r\n')
  const dribble = dial(spillway)
  for (const byte of few) {
    dribble.socket.write(byte, 'latin1')
    await new Promise((resolve) => setImmediate(resolve))
  }
  await dribble.closed
  assert.deepEqual(
    dribble.answers().filter((each) => each.startsWith('/')),
    [...said.slice(0, 9), '/end 0'],
  )
})

test('a caller that leaves cancels all its pipelined requests, whether the first one waits or runs', async () => {
  await using echo = await echoTool()
  const { tool, hold } = echo
  await using spillway = await startSpillway(`tools: { one: { upstream: "${tool.url}", maxConcurrent: 1 } }`)
  hold()
  const running = dial(spillway, get('/one/held') + post('/one/b', 'body').repeat(500))
  await eventually(() => assert.equal(tool.seen.active, 1))
  const waiting = dial(spillway, get('/one/held') + post('/one/b', 'body').repeat(500))
  const halfClosed = dial(spillway, get('/one/held') + get('/one/b'))
  await eventually(async () => assert.equal((await spillway.lane('one')).queue_depth, 2))
  waiting.socket.destroy()
  halfClosed.socket.end()
  await eventually(async () => assert.equal((await spillway.lane('one')).queue_depth, 0))
  running.socket.destroy()
  await eventually(async () => assert.equal((await spillway.lane('one')).active_workers, 0))
  assert.equal(tool.seen.calls, 1)
  spillway.signal('SIGTERM')
  assert.equal(await spillway.exited, 0)
})

test('of 2,000 requests behind an unfinished one only a few are read before it ends, and all are answered', async () => {
  await using echo = await echoTool()
  const { tool, hold, letGo } = echo
  await using spillway = await startSpillway(`tools: { t: { upstream: "${tool.url}" } }`)
  hold()
  const line = dial(spillway, get('/t/held'))
  await eventually(() => assert.equal(tool.seen.active, 1))
  // More than the buffers of both sockets hold.
  const requests = 2000
  line.socket.write(get('/no', `X: ${'x'.repeat(15_000)}\r\n`).repeat(requests))
  const accepted = (): number => line.socket.bytesWritten - line.socket.writableLength
  await eventually(async () => {
    const before = accepted()
    await pause(300)
    assert.equal(accepted(), before)
  })
  assert.ok(line.socket.writableLength > 0)
  letGo()
  await eventually(() => assert.equal(line.answers().length, 2 + requests), 30_000)
  assert.deepEqual(line.answers().slice(0, 3), ['200', '/held 0', '404'])
  line.socket.destroy()
})

test('bytes on an upgraded connection are not read as HTTP', async () => {
  const tool = createServer().on('upgrade', (_request, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n')
    socket.pipe(socket)
  })
  await new Promise<void>((resolve) => tool.listen(0, '127.0.0.1', resolve))
  const { port } = tool.address() as AddressInfo
  await using spillway = await startSpillway(`tools: { t: { upstream: "http://127.0.0.1:${port}" } }`)
  const more = `CONNECT a:1 HTTP/1.1\r\n\r\n${get('/no')}no HTTP`
  const line = dial(spillway, get('/t/x', 'Connection: Upgrade\r\nUpgrade: x\r\n') + more)
  await eventually(() => assert.ok(line.all().endsWith(more), line.all()))
  line.socket.write(more)
  await eventually(() => assert.ok(line.all().endsWith(more + more), line.all()))
  line.socket.destroy()
  tool.close()
})
