/**
 * Callers as bare connections that stay open until the test ends them: idle, dripping, or with a request of their own.
 */
import { connect } from 'node:net'
import type { Socket } from 'node:net'

/** A caller with a connection of its own, kept open until the test ends it. */
export interface Caller {
  readonly socket: Socket
  /** Everything that came so far. */
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
