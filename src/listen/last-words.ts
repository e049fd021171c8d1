/**
 * Ends a connection after its last answer. A connection that is closed while bytes are unread is reset, and the caller loses
 * the answer (RFC 9112, 9.6), so bytes that still arrive are read and dropped for a while.
 */
import type { Duplex } from 'node:stream'
import type { Clock } from '../time/clock.ts'

/** Milliseconds that a caller has to read the answer and close. */
const LINGER_MS = 5000

/** No other code may read the connection. `answer` is empty if the caller has its answer already. */
export function lastWords(socket: Duplex, clock: Clock, answer = ''): void {
  const timer = clock.after(LINGER_MS, () => socket.destroy())
  socket.once('close', () => timer.clear())
  socket.on('error', () => socket.destroy())
  socket.end(answer)
  socket.resume()
}
