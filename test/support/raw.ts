/**
 * Sends HTTP as raw bytes, for requests that no client would send.
 */
import { connect } from 'node:net'

/** Milliseconds after which an answer that has not ended is returned as it is. */
const PATIENCE_MS = 3000

/** Sends bytes and returns everything that came back until the other side closed. */
export function exchange(port: number, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    const timer = setTimeout(() => socket.destroy(), PATIENCE_MS)
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', reject)
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(Buffer.concat(chunks).toString('latin1'))
    })
  })
}
