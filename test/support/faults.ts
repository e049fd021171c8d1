/**
 * Loaded into a Spillway under test before its own code: makes single functions throw, once each, for calls whose path
 * asks for it (`/boom-NAME`). The functions are those that run at the boundaries between Spillway's parts, so that each
 * boundary meets an error of its own code.
 */
import { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { Transform } from 'node:stream'
import { Pool } from 'undici'
import { Histogram } from '@prometheus-io/client'
import { Call } from '../../src/call/call.ts'
import { McpCall } from '../../src/call/mcp-call.ts'
import { McpLeases } from '../../src/call/mcp-leases.ts'
import { Replies } from '../../src/call/replies.ts'
import { Gate } from '../../src/gate/gate.ts'
import { LeaseHandle } from '../../src/gate/lease-handle.ts'
import { HttpCaller } from '../../src/listen/caller.ts'
import { Router } from '../../src/route/match.ts'
import { Tool } from '../../src/tools/tool.ts'
import { Forwarding } from '../../src/upstream/forward.ts'
import { ToolTime } from '../../src/upstream/tool-time.ts'

/** A real error message may quote a secret, so each injected one contains this text. It must not appear in a log. */
const SECRET = 'Bearer sk-very-secret "quoted secret"'
const thrown = new Set<string>()

function boom(name: string, text: string | undefined): void {
  if (text?.includes(`boom-${name}`) !== true || thrown.has(text + name)) return
  thrown.add(text + name)
  throw new TypeError(`injected ${name} ${SECRET}`)
}

type Method = (this: never, ...args: never[]) => unknown

/** Makes `before`, which may throw, run before each call of the method. */
function patch<T extends object>(
  owner: T,
  method: string,
  before: (self: T, args: readonly unknown[]) => void,
): void {
  const inner = Reflect.get(owner, method) as Method
  Reflect.set(owner, method, function (this: T, ...args: unknown[]) {
    before(this, args)
    return Reflect.apply(inner, this, args) as unknown
  })
}

const textOf = (value: unknown): string =>
  Buffer.isBuffer(value) || typeof value === 'string' ? value.toString() : ''
const urlOf = (self: object): string | undefined => (self as { req?: { url?: string } }).req?.url

patch(Router.prototype, 'find', (_self, [target]) => boom('route', (target as { path: string }).path))
patch(Gate.prototype, 'enter', (_self, [want]) => {
  if (Math.ceil((want as { ttlMs?: number } | undefined)?.ttlMs ?? 0) === 12_345)
    throw new TypeError('injected enter')
})
patch(Pool.prototype, 'dispatch', (_self, [options]) => {
  const { path } = options as { path: string }
  boom('dispatch', path)
  // Throws at the second attempt of the call.
  if (path.includes('boom-again') && !thrown.has(path)) thrown.add(path)
  else boom('again', path)
})
patch(Call.prototype, 'answered', ({ caller }) => boom('answered', caller.request.url))
patch(Call.prototype, 'end', ({ caller }) => boom('finished', caller.request.url))
patch(Replies.prototype, 'refuse', (_self, [call]) => boom('refuse', (call as Call).caller.request.url))
patch(HttpCaller.prototype, 'head', ({ request }) => boom('head', request.url))
for (const method of ['writeHead', 'write', 'end', 'addTrailers', 'flushHeaders'])
  patch(ServerResponse.prototype, method, (self) => boom(method, urlOf(self)))
patch(Transform.prototype, 'push', (_self, [chunk]) => boom('body', textOf(chunk)))
patch(Socket.prototype, 'write', (_self, [chunk]) => {
  if (textOf(chunk).startsWith('HTTP/1.1 101')) boom('switch', textOf(chunk))
})
patch(McpLeases.prototype, 'head', (_self, [, headers]) => boom('watch', (headers as string[]).join()))
patch(McpCall.prototype, 'run', ({ answer }) => boom('mcp', JSON.stringify(answer)))
patch(Histogram.prototype, 'observeWithoutExemplar', (_self, [labels]) => {
  if ((labels as { tool?: string }).tool === 'deaf') throw new TypeError('injected observe')
})
/** The call that acts now. */
let acting: string | undefined
patch(Call.prototype, 'closed', ({ caller }) => (acting = caller.request.url))
patch(Forwarding.prototype, 'callerLeft', () => boom('leaving', acting))
// Throws at the nth step of an attempt, so that calls with n = 1, 2, ... try each place that reads the clock.
let steps = Infinity
patch(Call.prototype, 'move', ({ caller }, [next]) => {
  const nth = /boom-now-(\d+)/.exec(caller.request.url ?? '')?.[1]
  if (nth !== undefined && (next as { kind: string }).kind === 'running') steps = Number(nth)
})
const step = (): void => {
  if (--steps === 0) throw new TypeError('injected nowMs')
}
for (const method of ['sent', 'answered', 'heldMs', 'elapsedMs']) patch(ToolTime.prototype, method, step)
for (const method of ['renew', 'waitsFor', 'accepted']) patch(LeaseHandle.prototype, method, step)
patch(Tool.prototype, 'close', () => undefined)
process.on('SIGUSR2', () =>
  setImmediate(() => {
    throw new Error(`thrown outside any call ${SECRET}`)
  }),
)
process.on('SIGWINCH', () => void Promise.reject(new Error('rejected outside any call')))
