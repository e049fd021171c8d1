/**
 * Reads a connection that waits for its upgrade, within a bound. node's parser no longer reads it, and without a reader
 * its end would not be noticed.
 */
import type { Duplex } from 'node:stream'

/** Bytes that a caller may send before the upgrade is answered. The known protocols send none. */
const MAX_EARLY_BYTES = 65_536

/** Returns a function that ends the reading and gives all bytes so far. */
export function collectEarlyBytes(socket: Duplex, head: Buffer): () => Buffer {
  const chunks = [head]
  let bytes = head.length
  const onData = (chunk: Buffer): void => {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > MAX_EARLY_BYTES) socket.destroy()
  }
  // A caller that closed its sending side has left: an upgraded connection needs both directions.
  const onEnd = (): void => void socket.destroy()
  socket.on('data', onData).on('end', onEnd)
  return () => {
    socket.pause()
    socket.off('data', onData).off('end', onEnd)
    return Buffer.concat(chunks)
  }
}
