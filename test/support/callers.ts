/**
 * Callers as raw connections that stay open until the test ends them. The test decides which bytes each of them sends:
 * none, a part of a request, or a whole one.
 */
import { connect } from 'node:net'
import type { Socket } from 'node:net'

/** One caller and its connection. */
export interface Caller {
  readonly socket: Socket
  /** Everything received so far. */
  text: string
  isClosed: boolean
}

export class Callers implements Disposable {
  readonly all: Caller[] = []

  open(port: number, bytes: string): Caller {
    const socket = connect(port, '127.0.0.1')
    const caller: Caller = { socket, text: '', isClosed: false }
    if (bytes !== '') socket.write(bytes)
    socket.setEncoding('latin1').on('data', (text) => (caller.text += String(text)))
    socket.on('error', () => undefined).on('close', () => (caller.isClosed = true))
    this.all.push(caller)
    return caller
  }

  [Symbol.dispose](): void {
    for (const { socket } of this.all) socket.destroy()
  }
}

export function statusOf({ text }: Caller): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1] ?? 0)
}
