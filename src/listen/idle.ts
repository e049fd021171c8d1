/**
 * The end of idle connections. node closes a kept connection when its idle time is over, by a timer that after a stop of
 * the process fires before the sockets are read: a request that waits there would be reset. Here the sockets come first.
 */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '../time/clock.ts'

/** Milliseconds: the event loop reads its sockets before a timer that is set only now fires. */
const READS_FIRST_MS = 5

/** Connections of this server whose time is over are closed only if nothing came after all. */
export function closeIdleAfterReading(server: Server, clock: Clock): void {
  server.on('timeout', (socket: Socket) => {
    const { bytesRead } = socket
    clock.after(READS_FIRST_MS, () => {
      if (socket.bytesRead === bytesRead) socket.destroy()
    })
  })
}
