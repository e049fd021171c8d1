/**
 * Bytes on the admin listener that are no usable HTTP/1.1: their answers, and callers that are still sending.
 */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { pause } from '../support/eventually.ts'
import { startSpillway } from '../support/process.ts'
import type { Spillway } from '../support/process.ts'
import { exchange } from '../support/raw.ts'

const YAML = 'tools: { t: { upstream: "http://127.0.0.1:9", maxConcurrent: 4 } }'

function portOf(spillway: Spillway): number {
  return Number(new URL(spillway.admin).port)
}

/** Status line, guards and JSON of a last answer. */
function assertLastAnswer(answer: string, statusLine: string): void {
  const [head = '', body = ''] = answer.split('\r\n\r\n')
  assert.equal(head.split('\r\n')[0], statusLine)
  assert.match(head, /^Connection: close$/m)
  assert.match(head, /^X-Content-Type-Options: nosniff$/m)
  assert.match(head, new RegExp(`^Content-Length: ${body.length}$`, 'm'))
  assert.equal(typeof (JSON.parse(body) as { error: unknown }).error, 'string')
}

test('bytes that are no HTTP/1.1 are answered in JSON, and nothing is steered by them', async () => {
  await using spillway = await startSpillway(YAML)
  const host = `Host: 127.0.0.1:${portOf(spillway)}\r\n`
  const chunked = 'Transfer-Encoding: chunked\r\n\r\n'
  const order = '{"paused": true}'
  const rows: readonly (readonly [bytes: string, statusLine: string])[] = [
    ['garbage\r\n\r\n', 'HTTP/1.1 400 BAD_REQUEST'],
    [`PATCH /lanes/t HTTP/1.1\r\n${host}no colon\r\n\r\n`, 'HTTP/1.1 400 BAD_REQUEST'],
    [`PATCH /lanes/t HTTP/1.1\r\n${host}${chunked}zz\r\n`, 'HTTP/1.1 400 BAD_REQUEST'],
    [`PATCH /lanes/t HTTP/1.1\r\n${host}${chunked}10\r\n${order}\r\nzz\r\n`, 'HTTP/1.1 400 BAD_REQUEST'],
    [`CONNECT a:1 HTTP/1.1\r\n${host}\r\n`, 'HTTP/1.1 400 BAD_REQUEST'],
    [`GET /${'a'.repeat(20_000)}`, 'HTTP/1.1 414 TARGET_TOO_LONG'],
    [`GET / HTTP/1.1\r\n${host}X: ${'a'.repeat(20_000)}`, 'HTTP/1.1 431 HEADERS_TOO_LARGE'],
  ]
  for (const [bytes, statusLine] of rows)
    assertLastAnswer(await exchange(portOf(spillway), bytes), statusLine)
  assert.equal((await spillway.lane('t')).paused, false)
})

test('bytes that are no HTTP/1.1 behind a request are answered after it', async () => {
  await using spillway = await startSpillway(YAML)
  const port = portOf(spillway)
  const answers = await exchange(
    port,
    `GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\ngarbage\r\n\r\n`,
  )
  const second = answers.lastIndexOf('HTTP/1.1 ')
  assert.match(answers, /^HTTP\/1\.1 200 OK\r\n/)
  assertLastAnswer(answers.slice(second), 'HTTP/1.1 400 BAD_REQUEST')
})

test('a caller that goes on sending a head that is too large gets to read the answer', async () => {
  await using spillway = await startSpillway(YAML)
  const port = portOf(spillway)
  const line = `X: ${'x'.repeat(3995)}\r\n`
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  let answer = ''
  const isOver = new Promise<void>((resolve, reject) => socket.on('end', resolve).on('error', reject))
  socket.setEncoding('latin1').on('data', (text: string) => (answer += text))
  socket.write(`GET /lanes HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n`)
  for (let sent = 0; sent < 400_000; sent += line.length) {
    socket.write(line)
    await pause(2)
  }
  await isOver
  const isClosed = new Promise((resolve) => socket.on('close', resolve))
  socket.end()
  await isClosed
  assertLastAnswer(answer, 'HTTP/1.1 431 HEADERS_TOO_LARGE')
})
