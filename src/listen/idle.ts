/**
 * Closes idle connections. node does so with a timer, which fires before the sockets are read if the process stood still
 * meanwhile: a request that waits in the socket would be reset. Here the socket is read first.
 */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '../time/clock.ts'

/** Milliseconds. The event loop reads its sockets before a timer that is set now fires. */
const READS_FIRST_MS = 5

/** A connection whose idle time is over is closed only if no byte has arrived meanwhile. */
export function closeIdleAfterReading(server: Server, clock: Clock): void {
  server.on('timeout', (socket: Socket) => {
    const { bytesRead } = socket
    clock.after(READS_FIRST_MS, () => {
      if (socket.bytesRead === bytesRead) socket.destroy()
    })
  })
}
