/**
 * A connection that waits to be upgraded has left node's parser, and nothing reads it: its end would go unnoticed.
 * This reads on, within a bound, until somebody takes over.
 */
import type { Duplex } from 'node:stream'

/** Bytes a caller may send before it was answered; none of the known protocols sends any. */
const MAX_EARLY_BYTES = 65_536

/** Returns how to take over: what came so far, and nobody reads any more. */
export function collectEarlyBytes(socket: Duplex, head: Buffer): () => Buffer {
  const chunks = [head]
  let bytes = head.length
  const onData = (chunk: Buffer): void => {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > MAX_EARLY_BYTES) socket.destroy()
  }
  // Half-closed is left: an upgraded connection speaks both ways.
  const onEnd = (): void => void socket.destroy()
  socket.on('data', onData).on('end', onEnd)
  return () => {
    socket.pause()
    socket.off('data', onData).off('end', onEnd)
    return Buffer.concat(chunks)
  }
}
