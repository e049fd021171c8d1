/**
 * A TCP proxy that a test can shut. Then connections stay open and new ones are accepted, but no byte passes any more, as
 * with a firewall that drops packets or a machine that has vanished.
 */
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

export interface ValveProxy extends AsyncDisposable {
  readonly port: number
  /** From now on no byte passes, in either direction. */
  shut(): void
  /** New connections pass bytes again; older ones stay blocked. */
  open(): void
}

export async function startValveProxy(port: number): Promise<ValveProxy> {
  const sockets = new Set<Socket>()
  let isOpen = true
  let generation = 0
  const server = createServer((client) => {
    const own = generation
    const isShut = (): boolean => !isOpen || own !== generation
    const upstream = connect(port, '127.0.0.1')
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from)
      from.on('data', (bytes) => isShut() || to.write(bytes))
      from.on('error', () => from.destroy())
      from.on('close', () => {
        sockets.delete(from)
        if (!isShut()) to.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    shut() {
      isOpen = false
      generation++
    },
    open() {
      isOpen = true
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
