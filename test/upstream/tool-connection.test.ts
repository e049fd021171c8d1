/**
 * What Spillway knows of one connection to a tool, on a socket that the test fills: interim answers, bytes that bring no
 * part of an answer, and what is learned of the tool's idle timeout.
 */
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import type { buildConnector } from 'undici'
import { IdleTimeout } from '../../src/upstream/idle-timeout.ts'
import type { Interim } from '../../src/upstream/interim.ts'
import { letGo, ToolConnection } from '../../src/upstream/tool-connection.ts'
import type { ConnectionUser } from '../../src/upstream/tool-connection.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { turns } from './attempt-rig.ts'

const MAX_BYTES_WITHOUT_PROGRESS = 131_072
/** Of a tool that says nothing of its timeout. */
const UNSAID_MS = 4000

type Connected = Parameters<buildConnector.Callback>

class FakeSocket extends Readable {
  errors: (NodeJS.ErrnoException & { code?: string })[] = []

  constructor() {
    super({ autoDestroy: false })
    this.on('error', (error) => this.errors.push(error))
  }

  override _read(): void {
    // The test pushes.
  }

  get asSocket(): Socket {
    return this as unknown as Socket
  }
}

function open() {
  const clock = new VirtualClock()
  const idleTimeout = new IdleTimeout()
  const connection = new ToolConnection(clock.nowMs, idleTimeout)
  const interims: Interim[] = []
  const given: ToolConnection[] = []
  const user = {
    onConnection: (of: ToolConnection) => given.push(of),
    onInterim: (interim: Interim) => interims.push(interim),
  } as unknown as ConnectionUser
  const connect = (...result: Connected): Connected[] => {
    const told: Connected[] = []
    const connector = ((_options: unknown, callback: (...result: Connected) => void) =>
      callback(...result)) as unknown as buildConnector.connector
    const options = {} as buildConnector.Options
    connection.around(connector)(options, (...args: Connected) => told.push(args))
    return told
  }
  const attach = (): FakeSocket => {
    const socket = new FakeSocket()
    connect(null, socket.asSocket)
    return socket
  }
  /** A connection whose first answer came whole. */
  const answeredOnce = (): FakeSocket => {
    connection.begin(user)
    const socket = attach()
    connection.starts()
    connection.end(undefined)
    return socket
  }
  return { clock, idleTimeout, connection, interims, given, user, connect, attach, answeredOnce }
}

function readFrom(socket: FakeSocket, ...pieces: readonly string[]): string {
  for (const piece of pieces) socket.push(piece)
  let read = ''
  for (let piece = socket.read() as Buffer | null; piece !== null; piece = socket.read() as Buffer | null)
    read += piece.toString()
  return read
}

test('the result of connecting reaches undici as it is', () => {
  const { connect } = open()
  const socket = new FakeSocket().asSocket
  assert.deepEqual(connect(null, socket), [[null, socket]])
  const error = new Error('refused')
  assert.deepEqual(connect(error, null), [[error, null]])
})

test('a request gets its connection before anything is written', () => {
  const { connection, given, user } = open()
  connection.begin(user)
  assert.deepEqual(given, [connection])
})

test('interim answers are cut out of the bytes that undici reads', () => {
  const { connection, interims, user, attach } = open()
  connection.begin(user)
  const socket = attach()
  const final = 'HTTP/1.1 200 OK\r\n\r\n'
  const pieces = ['HTTP/1.1 103 Early', ' Hints\r\nLink: </a>\r\n\r\n', `HTTP/1.1 102 P\r\n\r\n${final}`]
  assert.equal(readFrom(socket, ...pieces), final)
  assert.deepEqual(interims, [
    { status: 103, headers: ['Link', '</a>'] },
    { status: 102, headers: [] },
  ])
})

test('each request expects interim answers anew', () => {
  const { connection, interims, user, answeredOnce } = open()
  const socket = answeredOnce()
  readFrom(socket, 'HTTP/1.1 200 OK\r\n\r\n')
  connection.begin(user)
  readFrom(socket, 'HTTP/1.1 103 Early Hints\r\n\r\n')
  assert.equal(interims.length, 1)
})

test('a read of no bytes, with which node fills its buffer, takes nothing', () => {
  const { connection, user, attach } = open()
  connection.begin(user)
  const socket = attach()
  socket.push('HTTP/1.1 200 OK\r\n\r\n')
  assert.equal(socket.read(0), null)
  assert.equal(readFrom(socket), 'HTTP/1.1 200 OK\r\n\r\n')
})

for (const [name, progresses, isBroken] of [
  ['that bring no part of an answer', false, true],
  ['between two pieces of an answer', true, false],
] as const) {
  test(`a connection ${isBroken ? 'is broken by' : 'bears'} too many bytes ${name}`, async () => {
    const { connection, user, attach } = open()
    connection.begin(user)
    const socket = attach()
    const begin = 'HTTP/1.1 200 OK\r\n'
    readFrom(socket, begin, 'x'.repeat(MAX_BYTES_WITHOUT_PROGRESS - begin.length))
    assert.equal(readFrom(socket, 'x'), 'x')
    if (progresses) connection.progressed()
    assert.equal(readFrom(socket, 'y'), isBroken ? '' : 'y')
    await turns()
    const codes = socket.errors.map(({ code }) => code)
    assert.deepEqual([socket.destroyed, codes], isBroken ? [true, ['BARREN_BYTES']] : [false, []])
  })
}

test('a new request may bring as many bytes without progress as the one before', () => {
  const { connection, user, answeredOnce } = open()
  const socket = answeredOnce()
  readFrom(socket, 'HTTP/1.1 200 OK\r\n', 'x'.repeat(MAX_BYTES_WITHOUT_PROGRESS))
  connection.begin(user)
  assert.equal(readFrom(socket, 'HTTP/1.1 200 OK\r\n'), 'HTTP/1.1 200 OK\r\n')
  assert.equal(socket.destroyed, false)
})

test('the bytes of a tunnel are not counted', () => {
  const { connection, user, attach } = open()
  connection.begin(user)
  const socket = attach()
  letGo(socket.asSocket)
  readFrom(socket, 'x'.repeat(MAX_BYTES_WITHOUT_PROGRESS), 'y')
  assert.equal(readFrom(socket, 'z'), 'z')
  assert.equal(socket.destroyed, false)
})

test('a connection that was idle for longer than the tool keeps it is not used again', () => {
  for (const [idleMs, isUsed] of [
    [UNSAID_MS, true],
    [UNSAID_MS + 1, false],
  ] as const) {
    const { clock, connection, user, answeredOnce } = open()
    const socket = answeredOnce()
    clock.advance(idleMs)
    connection.begin(user)
    assert.equal(socket.destroyed, !isUsed)
  }
})

test('the Keep-Alive of an answer counts for the next request', () => {
  const { clock, connection, user, attach } = open()
  connection.begin(user)
  const socket = attach()
  connection.end('timeout=60')
  clock.advance(50_000)
  connection.begin(user)
  assert.equal(socket.destroyed, false)
})

test('a connection counts as broken for being idle only after an answer and before any byte of the next', () => {
  const { connection, user, attach } = open()
  connection.begin(user)
  const socket = attach()
  assert.equal(connection.isIdleBreak, false, 'it has brought no answer yet')
  connection.end(undefined)
  connection.begin(user)
  connection.starts()
  assert.equal(connection.isIdleBreak, true)
  readFrom(socket, 'HTTP/1.1 200')
  assert.equal(connection.isIdleBreak, false, 'a byte of the next answer came')
})

test('a new connection has no answers of the one before', () => {
  const { connection, user, attach, answeredOnce } = open()
  answeredOnce()
  connection.begin(user)
  attach()
  assert.equal(connection.isIdleBreak, false)
})

test('a break teaches the idle time after which the tool had closed', () => {
  const { clock, connection, user, idleTimeout, answeredOnce } = open()
  answeredOnce()
  clock.advance(1000)
  connection.begin(user)
  clock.advance(500)
  connection.learnFromBreak()
  assert.equal(idleTimeout.ms, 750)
})

const CLOSINGS: readonly [name: string, close: (socket: FakeSocket) => unknown, ms: number][] = [
  ['is ended by the tool', (socket) => socket.emit('end'), 750],
  ['is reset by the tool', (socket) => socket.emit('error', coded('ECONNRESET')), 750],
  ['ends by an error of undici', (socket) => socket.emit('error', coded('UND_ERR_INFO')), UNSAID_MS],
]

for (const [name, close, ms] of CLOSINGS) {
  test(`an idle connection that ${name} leaves an idle timeout of ${ms} ms`, () => {
    const { clock, idleTimeout, answeredOnce } = open()
    const socket = answeredOnce()
    clock.advance(1000)
    close(socket)
    assert.equal(idleTimeout.ms, ms)
  })
}

test('a connection that ends in the middle of a request teaches nothing by itself', () => {
  const { clock, connection, user, idleTimeout, answeredOnce } = open()
  const socket = answeredOnce()
  clock.advance(1000)
  connection.begin(user)
  connection.starts()
  socket.emit('end')
  assert.equal(idleTimeout.ms, UNSAID_MS)
})

const BREAKS: readonly [name: string, isStarted: boolean, code: string][] = [
  ['before its next request is written lets undici take a new connection', false, 'UND_ERR_SOCKET'],
  ['after its next request is written keeps its error', true, 'ETIMEDOUT'],
]

for (const [name, isStarted, code] of BREAKS) {
  test(`a connection that breaks ${name}`, () => {
    const { connection, user, answeredOnce } = open()
    const socket = answeredOnce()
    connection.begin(user)
    if (isStarted) connection.starts()
    const error = coded('ETIMEDOUT')
    socket.emit('error', error)
    assert.equal(error.code, code)
  })
}

function coded(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error('made up'), { code })
}
