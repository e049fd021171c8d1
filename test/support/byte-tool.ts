/**
 * A tool that writes raw bytes, for answers that no HTTP server would send; with or without TLS.
 */
import { createServer as createTcpServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { TlsOptions } from 'node:tls'

/** Called for each request head, with the number of the request on its connection and of the connection, both from 1. */
export type OnRequest = (socket: Socket, nth: number, connection: number) => void

export interface ByteTool extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** Connections so far. */
  connections(): number
  /** The request heads that arrived, in order, as latin1 text. */
  readonly heads: readonly string[]
}

export async function byteTool(onRequest: OnRequest, tls?: TlsOptions): Promise<ByteTool> {
  let connections = 0
  const heads: string[] = []
  const sockets = new Set<Socket>()
  const onSocket = (socket: Socket): void => {
    const connection = ++connections
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    let nth = 0
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      if (!chunk.includes(' HTTP/1.1\r\n')) return
      heads.push(chunk.toString('latin1'))
      onRequest(socket, ++nth, connection)
    })
  }
  const server = tls === undefined ? createTcpServer(onSocket) : createTlsServer(tls, onSocket)
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: tls === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`,
    port,
    connections: () => connections,
    heads,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
