/**
 * WebSockets and other upgraded connections: once the tool has switched protocols, bytes are carried both ways and
 * each of them renews the lease, which ends with the connection. Says nothing about the tool's latency.
 */
import type { Duplex } from 'node:stream'
import { switchingProtocols } from '../reply/wire-head.ts'
import type { Exchange, Upgrade } from './exchange.ts'
import { Unsendable } from './fault.ts'
import { headerValues, toCaller } from './headers.ts'
import type { ToolTime } from './tool-time.ts'
import { letGo } from './wire.ts'

interface Tunnel {
  readonly exchange: Exchange
  readonly upgrade: Upgrade
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

export function tunnel({ exchange, upgrade, toTool, raw, time }: Tunnel): void {
  const { slot } = exchange
  letGo(toTool)
  const { socket: toCallerSocket } = upgrade
  let isOver = false
  const over = (): void => {
    if (isOver) return
    isOver = true
    slot.settle({ cause: 'completed', verdict: 'ignored' })
    exchange.finished('completed', time.heldMs())
  }
  const cut = (): void => {
    toTool.destroy()
    toCallerSocket.destroy()
    over()
  }
  const early = upgrade.takeEarlyBytes()
  // A detached response no longer hears its socket; whoever waits for its end still does.
  exchange.response.detachSocket(exchange.request.socket)
  toCallerSocket.once(
    'close',
    exchange.contained(() => exchange.response.emit('close')),
  )
  exchange.holds({ mayHaveRun: true, giveBack: cut })
  const cutOff = exchange.contained(cut)
  slot.onReclaimed(cutOff)
  const onEnd = exchange.contained(() => {
    over()
    // What the tool said last still has to reach the caller.
    toCallerSocket.end(() => toCallerSocket.destroy())
  })
  toTool.on('error', cutOff).on('close', onEnd)
  toCallerSocket.on('error', cutOff).on('close', cutOff)
  const renew = exchange.contained(() => slot.renew())
  for (const side of [toTool, toCallerSocket]) side.on('data', renew)
  toCallerSocket.write(head(raw, upgrade.protocol, exchange))
  if (early.length > 0) toTool.write(early)
  toTool.pipe(toCallerSocket)
  toCallerSocket.pipe(toTool)
}

function head(raw: readonly Buffer[], protocol: string, { tool, queuedMs }: Exchange): Buffer {
  const own = ['Server-Timing', `queue;dur=${queuedMs.toFixed(1)}`, 'X-Spillway-Tool', tool]
  return switchingProtocols(protocol, [...toCaller(raw), ...own])
}
