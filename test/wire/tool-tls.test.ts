/**
 * Tools over TLS: certificates that must not be trusted, and behaviour that must be the same as without TLS (interim
 * answers, connections that are reused or were closed, upgrades).
 */
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, after as afterAll, test } from 'node:test'
import { byteTool } from '../support/byte-tool.ts'
import type { ByteTool, OnRequest } from '../support/byte-tool.ts'
import { makeCertificate } from '../support/certificate.ts'
import { eventually } from '../support/eventually.ts'
import { startSpillway } from '../support/process.ts'
import type { Spillway } from '../support/process.ts'
import { exchange } from '../support/raw.ts'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

let folder: string
let tool: ByteTool
let trusting: Spillway
let onRequest: OnRequest = () => undefined

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spillway-tls-'))
  const paths = makeCertificate(folder)
  const [cert, key] = await Promise.all([readFile(paths.cert), readFile(paths.key)])
  tool = await byteTool((...seen) => onRequest(...seen), { cert, key })
  const other = `o: { upstream: "https://127.0.0.1:${tool.port}" }`
  trusting = await startSpillway(`tools: { t: { upstream: "https://localhost:${tool.port}" }, ${other} }`, {
    env: { NODE_EXTRA_CA_CERTS: paths.cert },
  })
})

afterAll(async () => {
  await trusting[Symbol.asyncDispose]()
  await tool[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

test('a self-signed certificate, or one for another name, has the cause certificate, and no request is sent', async () => {
  await using spillway = await startSpillway(`tools: { t: { upstream: "https://localhost:${tool.port}" } }`)
  for (const [url, code] of [
    [`${spillway.proxy}/t`, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    [`${trusting.proxy}/o`, 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ] as const) {
    const response = await fetch(url)
    const text = await response.text()
    const body = JSON.parse(text) as Record<string, unknown>
    assert.deepEqual(
      [response.status, body['reason'], body['cause'], body['not_executed']],
      [502, 'UPSTREAM_UNREACHABLE', 'certificate', true],
    )
    assert.doesNotMatch(text, /localhost|127\.0\.0\.1|CERT/)
    await eventually(() => {
      const lines = [...spillway.lines, ...trusting.lines].join('\n')
      assert.match(lines, new RegExp(`reason=UPSTREAM_UNREACHABLE cause=certificate code=${code}`))
    })
  }
  assert.equal(tool.heads.length, 0)
})

test('over TLS a 103 passes, a 100 is dropped, and the connection is reused', async () => {
  onRequest = (socket) => {
    socket.write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early')
    setTimeout(() => socket.write(` Hints\r\nLink: </a>\r\n\r\n${OK}`), 10)
  }
  const connections = tool.connections()
  for (let i = 0; i < 3; i++) {
    const text = await exchange(trusting.proxyPort, 'GET /t HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    assert.match(text, /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a>\r\n\r\nHTTP\/1\.1 200 OK[\s\S]*ok$/)
  }
  assert.ok(tool.connections() - connections <= 1)
})

test('a GET on a TLS connection that the tool closes while it is idle is sent again', async () => {
  let isFirst = true
  onRequest = (socket, nth) => {
    if (nth > 1 && isFirst) {
      isFirst = false
      socket.end()
    } else socket.write(OK)
  }
  for (let i = 0; i < 3; i++) assert.equal((await fetch(`${trusting.proxy}/t`)).status, 200)
  assert.equal(isFirst, false)
  assert.match(await trusting.metrics(), /spillway_upstream_reconnects_total\{tool="t"\} 1/)
})

test('a large answer and an upgrade pass over TLS', async () => {
  const size = 5_000_000
  onRequest = (socket) =>
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n${'a'.repeat(size)}`)
  assert.equal((await (await fetch(`${trusting.proxy}/t`)).text()).length, size)
  onRequest = (socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello')
    socket.on('data', (chunk) => socket.write(chunk))
  }
  const socket = connect(trusting.proxyPort, '127.0.0.1')
  socket.on('error', () => undefined)
  let text = ''
  socket.on('data', (chunk) => (text += chunk.toString()))
  socket.write('GET /t HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  await eventually(() => assert.match(text, /hello$/))
  socket.write('HTTP/1.1 100 echo\r\n\r\n')
  await eventually(() => assert.match(text, /helloHTTP\/1\.1 100 echo\r\n\r\n$/))
  socket.destroy()
})
