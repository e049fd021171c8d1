/**
 * WebSockets and other upgraded connections: once the tool has switched protocols, bytes are carried both ways and
 * each of them renews the lease, which ends with the connection. Says nothing about the tool's latency.
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

/** Whether the tool switched to what was asked for (RFC 9110, 15.2.2); a tool that names nothing is believed. */
export function isSwitchedTo(protocol: string, raw: readonly (Buffer | string)[]): boolean {
  const names = headerValues(raw.map(String), 'upgrade').flatMap((value) => value.split(','))
  return names.length === 0 || names.some((name) => name.trim().toLowerCase() === protocol.toLowerCase())
}

export function refusedSwitch(toTool: Duplex): Unsendable {
  toTool.destroy()
  return new Unsendable('the tool switched to a protocol that nobody asked for')
}

/** Gives back how to cut it; its end is told to the owner. */
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
    // What the tool said last still has to reach the caller.
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
