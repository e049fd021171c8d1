/**
 * Callers that misbehave. Each call opens one connection, picks a manner at random, and reports the answer to the ledger.
 * A caller that sends valid HTTP must get an answer, or see its connection closed, within a bound.
 */
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { Random } from '../../bench/control/engine/random.ts'
import type { Answer, Ledger } from './ledger.ts'
import { BEHAVIOURS } from './tool.ts'
import { MCP } from './world.ts'

/** Several times the sum of the lanes' TTL, lease and connect timeout. A frozen process adds its freeze to that sum. */
const PATIENCE_MS = 30_000
const MANNERS = [
  'polite',
  'polite',
  'polite',
  'hang-up',
  'reset',
  'slow-body',
  'half-close',
  'pipeline',
  'stop-reading',
  'nonsense',
] as const
/** Share of calls that the tool answers normally. Without them the lane would stay throttled all the time. */
const FINE_RATIO = 0.5
const METHODS = ['GET', 'GET', 'POST', 'PUT', 'HEAD'] as const

export interface Where {
  readonly port: number
  readonly tool: string
}

/** Sends the requests of one connection; resolves when the connection is closed. */
export async function call({ port, tool }: Where, id: string, { ledger, random }: Around): Promise<void> {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random.next() * from.length)] as T
  const manner = pick(MANNERS)
  const method = tool === MCP ? 'POST' : pick(METHODS)
  const ids = manner === 'pipeline' ? [`${id}-a`, `${id}-b`, `${id}-c`] : [id]
  const requests = ids.map((each) => ({
    id: each,
    method,
    behaviour: random.next() < FINE_RATIO ? 'fine' : pick(BEHAVIOURS),
  }))
  const leaveAfterMs = random.next() * 400
  ledger.count(`caller ${manner}`)
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => socket.destroy())
  const read = readAnswers(socket, requests)
  const bodyBytes = method === 'GET' || method === 'HEAD' ? 0 : Math.floor(random.next() * 3000)
  send(socket, {
    manner,
    leaveAfterMs,
    parts: requests.map((request) =>
      textOf(request, { tool, bodyBytes, isLast: request === requests.at(-1) }),
    ),
  })
  if (tool === MCP && manner === 'hang-up') setTimeout(() => cancel({ port, tool }, id), leaveAfterMs)
  const timer = setTimeout(() => {
    ledger.fail(
      `${id} (${manner}, ${method} ${requests.map(({ behaviour }) => behaviour).join()}) was neither answered nor cut`,
    )
    socket.destroy()
  }, PATIENCE_MS)
  const answers = await read
  clearTimeout(timer)
  socket.destroy()
  if (manner === 'nonsense') return
  answers.forEach((answer, index) => {
    const request = requests[index]
    if (request === undefined) ledger.fail(`${id} got more answers than it made calls`)
    else ledger.callerGot(request.id, answer)
  })
  if (answers.length === 0) ledger.count('no answer')
}

export interface Around {
  readonly ledger: Ledger
  readonly random: Random
}

interface Sent {
  readonly manner: (typeof MANNERS)[number]
  readonly leaveAfterMs: number
  readonly parts: readonly string[]
}

function send(socket: Socket, { manner, leaveAfterMs, parts }: Sent): void {
  const text = parts.join('')
  const later = (act: () => void): void => {
    const timer = setTimeout(act, leaveAfterMs)
    socket.once('close', () => clearTimeout(timer))
  }
  switch (manner) {
    case 'slow-body': {
      socket.write(text.slice(0, -2))
      return later(() => socket.write(text.slice(-2)))
    }
    case 'hang-up':
      socket.write(text)
      return later(() => socket.destroy())
    case 'reset':
      socket.write(text)
      return later(() => socket.resetAndDestroy())
    case 'half-close':
      socket.end(text)
      return
    case 'stop-reading':
      socket.write(text)
      socket.pause()
      return later(() => socket.resume())
    case 'nonsense':
      socket.end(`${text.slice(0, Math.ceil(text.length / 2))}\0\r\n\r\nnonsense`)
      return
    case 'polite':
    case 'pipeline':
      socket.write(text)
      return
    default:
      manner satisfies never
  }
}

interface Asked {
  readonly id: string
  readonly method: string
  readonly behaviour: string
}

function textOf(
  { id, method, behaviour }: Asked,
  { tool, bodyBytes, isLast }: { tool: string; bodyBytes: number; isLast: boolean },
): string {
  const body = tool === MCP ? toolCall(id) : 'x'.repeat(bodyBytes)
  const length = method === 'GET' || method === 'HEAD' ? '' : `Content-Length: ${body.length}\r\n`
  const close = isLast ? 'Connection: close\r\n' : ''
  return `${method} /${tool}/${behaviour}/${id} HTTP/1.1\r\nHost: chaos\r\nX-Agent-Id: a${id.length % 5}\r\nContent-Type: application/json\r\n${length}${close}\r\n${body}`
}

function toolCall(id: string): string {
  return JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'any', arguments: {} } })
}

/** Cancels a call over another connection, as MCP clients do. */
function cancel({ port, tool }: Where, id: string): void {
  const body = JSON.stringify({
    jsonrpc: '2.0',
    method: 'notifications/cancelled',
    params: { requestId: id },
  })
  const head = `POST /${tool}/fine/cancel-${id} HTTP/1.1\r\nHost: chaos\r\nX-Agent-Id: a${id.length % 5}\r\nContent-Type: application/json\r\nConnection: close\r\n`
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => socket.destroy())
  socket.resume().write(`${head}Content-Length: ${body.length}\r\n\r\n${body}`)
}

/** Every complete answer on this connection, in order. A truncated answer does not count. */
function readAnswers(socket: Socket, requests: readonly Asked[]): Promise<Answer[]> {
  let text = ''
  socket.setEncoding('latin1').on('data', (piece: string) => (text += piece))
  return new Promise((resolve) => socket.once('close', () => resolve(answersIn(text, requests))))
}

function answersIn(text: string, requests: readonly Asked[]): Answer[] {
  const answers: Answer[] = []
  let at = 0
  while (at < text.length) {
    const head = /^HTTP\/1\.1 (\d{3}) [^\r]*\r\n(?:[^\r]+\r\n)*\r\n/.exec(text.slice(at))
    if (head === null) break
    at += head[0].length
    const status = Number(head[1])
    if (status < 200) continue
    const isHead = requests[answers.length]?.method === 'HEAD'
    const body = isHead ? { text: '', end: at } : bodyAt(text, at, head[0])
    if (body === undefined) break
    at = body.end
    answers.push({ status, ...said(head[0], body.text) })
  }
  return answers
}

function bodyAt(text: string, from: number, head: string): { text: string; end: number } | undefined {
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (length !== undefined) {
    const end = from + Number(length)
    return end > text.length ? undefined : { text: text.slice(from, end), end }
  }
  if (!/\r\ntransfer-encoding: *chunked/i.test(head)) return { text: text.slice(from), end: text.length }
  return dechunked(text, from)
}

/** A complete chunked body with its trailers; undefined if the body was truncated. */
function dechunked(text: string, from: number): { text: string; end: number } | undefined {
  let body = ''
  for (let at = from; ;) {
    const size = /^([0-9a-f]+)\r\n/i.exec(text.slice(at, at + 20))
    if (size === null) return undefined
    const length = parseInt(size[1] ?? '', 16)
    at += size[0].length
    if (length === 0) {
      const trailers = /^(?:[^\r]+\r\n)*\r\n/.exec(text.slice(at))
      return trailers === null ? undefined : { text: body, end: at + trailers[0].length }
    }
    if (at + length + 2 > text.length) return undefined
    body += text.slice(at, at + length)
    at += length + 2
  }
}

function said(head: string, body: string): Omit<Answer, 'status'> {
  const reason = /\r\nX-Spillway-Reason: (\w+)/.exec(head)?.[1]
  return {
    reason,
    notExecuted: reason === undefined ? undefined : body.includes('"not_executed":true'),
    echoed: /"echo":"([\w-]+)"/.exec(body)?.[1],
  }
}
