/**
 * The tool of one case. It speaks plain TCP, so that it can answer with any bytes, and records the requests of each
 * connection. It reads them with the strict reader of message.ts; unreadable bytes count as a flaw of the proxy.
 */
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { pause } from '../support/eventually.ts'
import type { Answer } from './case.ts'
import { readRequests, valuesOf } from './message.ts'
import type { Message } from './message.ts'

/** Marks the paths of probe requests, which check whether the case affects later calls. */
export const PROBE = '/probe-'
/** The field of an answer that names its request. */
export const MARK = 'x-for'

class Connection {
  text = ''
  readonly #socket: Socket
  readonly #origin: Origin
  /** Number of requests that were answered. */
  #answered = 0
  #isBusy = false
  /** Number of requests up to the last one that got 100 Continue. */
  #continued = 0

  constructor(socket: Socket, origin: Origin) {
    this.#socket = socket
    this.#origin = origin
    socket.setNoDelay(true)
    socket.on('error', () => socket.destroy())
    socket.on('data', (bytes) => {
      this.text += bytes.toString('latin1')
      void this.#answer()
    })
  }

  reset(): void {
    this.#socket.resetAndDestroy()
  }

  async #answer(): Promise<void> {
    if (this.#isBusy) return
    this.#isBusy = true
    for (;;) {
      const { messages, flaw } = readRequests(this.text)
      const request = messages[this.#answered]
      const script = request === undefined ? undefined : this.#origin.scriptFor(request)
      if (request !== undefined && (request.isWhole || script?.at === 'head')) {
        this.#origin.note(this, this.#answered++)
        if (script === undefined) this.#write(plainAnswer(request))
        else await this.#play(this.#origin.takeScript(script))
      } else {
        if (request !== undefined && script === undefined) this.#continue(request)
        if (flaw !== undefined) this.#socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
        break
      }
    }
    this.#isBusy = false
  }

  /** Sends 100 Continue once to a request that expects it, as a server must (RFC 9110, 10.1.1). */
  #continue({ fields }: Message): void {
    if (this.#continued > this.#answered || !fields.some((line) => /^expect: 100-continue$/i.test(line)))
      return
    this.#continued = this.#answered + 1
    this.#write('HTTP/1.1 100 Continue\r\n\r\n')
  }

  async #play({ send, then = 'keep' }: Answer): Promise<void> {
    for (const step of send) {
      if (typeof step === 'number') await pause(step)
      else this.#write(step)
    }
    if (then === 'close') this.#socket.end()
    if (then === 'reset') this.#socket.resetAndDestroy()
  }

  #write(text: string): void {
    if (this.#socket.writable) this.#socket.write(text, 'latin1')
  }
}

export class Origin {
  readonly #server: Server
  readonly #connections: Connection[] = []
  /** The answered requests of all connections, in the order of their answers. */
  readonly #order: { readonly connection: Connection; readonly index: number }[] = []
  readonly #script: Answer | undefined
  #isPlayed = false

  constructor(script: Answer | undefined) {
    this.#script = script
    this.#server = createServer((socket) => this.#connections.push(new Connection(socket, this)))
  }

  /** Resolves with the port. */
  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return (this.#server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) connection.reset()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  /** The requests of the case: the answered ones in order, then the others. */
  requests(): Message[] {
    const read = new Map(this.#connections.map((one) => [one, [...readRequests(one.text).messages]]))
    const answered = this.#order.flatMap(({ connection, index }) => read.get(connection)?.[index] ?? [])
    const others = [...read.values()].flat().filter((message) => !answered.includes(message))
    return [...answered, ...others].filter(({ start }) => !start.includes(PROBE))
  }

  /** Describes received bytes that are not a request, or only part of a head. */
  flaws(): string[] {
    return this.#connections.flatMap(({ text }) => {
      const { rest, flaw } = readRequests(text)
      if (flaw !== undefined) return [`the tool got a bad ${flaw}`]
      return rest === '' ? [] : [`the tool got stray bytes ${JSON.stringify(rest.slice(0, 60))}`]
    })
  }

  scriptFor({ start, fields }: Message): Answer | undefined {
    const needs = this.#script?.needs
    const isMissing = needs !== undefined && valuesOf(fields, needs).length === 0
    return this.#isPlayed || isMissing || start.includes(PROBE) ? undefined : this.#script
  }

  note(connection: Connection, index: number): void {
    this.#order.push({ connection, index })
  }

  takeScript(script: Answer): Answer {
    this.#isPlayed = true
    return script
  }
}

/** The mark is cut to 200 characters, since a proxy may have a smaller limit for the heads of answers than of requests. */
export function markFor(target: string): string {
  return target.slice(0, 200)
}

/** The answer to a request without a script. */
function plainAnswer({ start }: Message): string {
  const [method = '', target = ''] = start.split(' ')
  const body = `for ${target}`
  const lines = ['HTTP/1.1 200 OK', `Content-Length: ${body.length}`, `X-For: ${markFor(target)}`, '', '']
  return lines.join('\r\n') + (method === 'HEAD' ? '' : body)
}
