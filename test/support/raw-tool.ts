/**
 * A tool that says bytes, whatever they are: the same to every request, and then it may close.
 */
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

export interface RawTool extends AsyncDisposable {
  readonly url: string
  /** One character a byte (latin1). */
  says: string
  /** Closes the connection after that. */
  closes: boolean
}

export async function rawTool(says = '', closes = false): Promise<RawTool> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
    socket.on('data', (chunk: Buffer) => {
      if (!chunk.includes('HTTP/1.1\r\n')) return
      socket.write(Buffer.from(tool.says, 'latin1'))
      if (tool.closes) socket.end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const tool = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    says,
    closes,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return tool
}
