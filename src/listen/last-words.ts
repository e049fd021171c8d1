/**
 * The end of a connection that cannot go on: what is left to say is said, and what still comes is thrown away for a
 * moment, since a connection that is closed on unread bytes is reset, and the answer lost with it (RFC 9112, 9.6).
 */
import type { Duplex } from 'node:stream'
import type { Clock } from '../time/clock.ts'

/** Milliseconds that a caller has to read the answer and close. */
export const LINGER_MS = 5000

/** Only for a connection that nobody else reads. Without an answer when everything was said. */
export function lastWords(socket: Duplex, clock: Clock, answer = ''): void {
  const timer = clock.after(LINGER_MS, () => socket.destroy())
  socket.once('close', () => timer.clear())
  socket.on('error', () => socket.destroy())
  socket.end(answer)
  socket.resume()
}
