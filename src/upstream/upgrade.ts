/**
 * WebSockets and other upgraded connections. Once the tool has switched protocols, bytes are copied in both directions and
 * each piece renews the lease, which ends with the connection. An upgrade gives no latency of the tool.
 */
import type { Duplex } from 'node:stream'
import type { AttemptParts } from './attempt.ts'
import { Unsendable } from './fault.ts'
import { headerValues, responseHeaders } from './headers.ts'
import type { ToolTime } from './tool-time.ts'
import { letGo } from './tool-connection.ts'

interface Opening {
  readonly parts: AttemptParts
  readonly protocol: string
  readonly toTool: Duplex
  /** The tool's response headers. */
  readonly raw: readonly Buffer[]
  readonly time: ToolTime
}

/** Whether the tool switched to the requested protocol (RFC 9110, 15.2.2). A tool that names none is taken to have done so. */
export function isSwitchedTo(protocol: string, raw: readonly (Buffer | string)[]): boolean {
  const names = headerValues(raw.map(String), 'upgrade').flatMap((value) => value.split(','))
  return names.length === 0 || names.some((name) => name.trim().toLowerCase() === protocol.toLowerCase())
}

export function refusedSwitch(toTool: Duplex): Unsendable {
  toTool.destroy()
  return new Unsendable('the tool switched to a protocol that nobody asked for')
}

/** Opens the tunnel and returns a function that cuts it. The owner is told when the tunnel ends. */
export function openTunnel({ parts, protocol, toTool, raw, time }: Opening): () => void {
  const { lease, caller, owner, request } = parts
  letGo(toTool)
  let isOver = false
  const over = (): void => {
    if (isOver) return
    isOver = true
    lease.settle({ cause: 'completed', verdict: 'ignored' })
    owner.done({ kind: 'passed', outcome: 'completed', durationMs: time.heldMs(), fault: undefined })
  }
  const own = ['Server-Timing', `queue;dur=${request.queuedMs.toFixed(1)}`, 'X-Spillway-Tool', request.tool]
  const { socket, early } = caller.tunnel(protocol, [...responseHeaders(raw), ...own])
  const cut = owner.contained(() => {
    toTool.destroy()
    socket.destroy()
    over()
  })
  lease.onReclaimed(cut)
  const onEnd = owner.contained(() => {
    over()
    // The last bytes of the tool still have to reach the caller.
    socket.end(() => socket.destroy())
  })
  toTool.on('error', cut).on('close', onEnd)
  socket.on('error', cut).on('close', cut)
  const renew = owner.contained(() => lease.renew())
  for (const side of [toTool, socket]) side.on('data', renew)
  if (early.length > 0) toTool.write(early)
  toTool.pipe(socket)
  socket.pipe(toTool)
  return cut
}
