/**
 * Real MCP servers on loopback: the protocol's own test server (server-everything, with sessions and event streams), a
 * server on the SDK 2.x for 2026-07-28 and earlier revisions, and a server on the SDK 1.x with resumable streams.
 */
import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { McpServer as McpServer1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import type { EventStore } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import * as z from 'zod'
import { eventually } from './eventually.ts'

const EVERYTHING = fileURLToPath(
  new URL('../../node_modules/@modelcontextprotocol/server-everything/dist/index.js', import.meta.url),
)

export interface RunningServer extends AsyncDisposable {
  readonly url: string
}

/** Listens on a free port of loopback. */
export async function serve(listener: RequestListener): Promise<RunningServer> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** The path is `/mcp`. */
export async function everythingServer(): Promise<RunningServer> {
  const port = await freePort()
  const child = spawn(process.execPath, [EVERYTHING, 'streamableHttp'], {
    env: { ...process.env, PORT: String(port) },
    stdio: 'ignore',
  })
  const exited = new Promise((resolve) => child.on('exit', resolve))
  const url = `http://127.0.0.1:${port}`
  await eventually(async () => (await fetch(`${url}/mcp`)).text())
  return {
    url,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exited
    },
  }
}

export interface ModernServer extends RunningServer {
  /** How many calls of `work` began, and how many their caller aborted. */
  readonly seen: { begun: number; aborted: number }
  /** Answers the held calls. */
  letGo(): void
}

type Held = Set<() => void>

/** Has two tools, `work`, and `answer` with an output schema. Their calls are held until `letGo`. */
export async function modernServer(): Promise<ModernServer> {
  const seen = { begun: 0, aborted: 0 }
  const held: Held = new Set()
  const handler = createMcpHandler(() => serverOf(seen, held))
  const handle = toNodeHandler(handler)
  // The SDK is not written for exactOptionalPropertyTypes.
  type Incoming = Parameters<typeof handle>[0]
  const server = await serve((request, response) => void handle(request as Incoming, response))
  return {
    ...server,
    seen,
    letGo() {
      for (const end of held) end()
      held.clear()
    },
  }
}

function serverOf(seen: { begun: number; aborted: number }, held: Held): McpServer {
  const server = new McpServer({ name: 'test', version: '1.0.0' })
  server.registerTool('work', { inputSchema: z.object({}) }, async (_, context) => {
    seen.begun++
    const { signal } = context.mcpReq
    await new Promise<void>((resolve) => {
      const abort = (): void => {
        held.delete(end)
        seen.aborted++
        resolve()
      }
      const end = (): void => {
        // The SDK fires the abort signal of ended calls, too.
        signal.removeEventListener('abort', abort)
        resolve()
      }
      held.add(end)
      signal.addEventListener('abort', abort)
    })
    return { content: [{ type: 'text', text: 'worked' }] }
  })
  server.registerTool(
    'answer',
    { inputSchema: z.object({}), outputSchema: z.object({ n: z.number() }) },
    async () => {
      await new Promise<void>((resolve) => held.add(resolve))
      return { content: [{ type: 'text', text: '42' }], structuredContent: { n: 42 } }
    },
  )
  return server
}

/** On the SDK 1.x: one session, and event streams that can be resumed. The tool `count` reports a step every 300 ms. */
export async function resumableServer(steps: number): Promise<RunningServer> {
  const mcp = new McpServer1({ name: 'resumable', version: '1.0.0' })
  mcp.registerTool('count', {}, async ({ sendNotification, requestId }) => {
    for (let step = 1; step <= steps; step++) {
      await new Promise((resolve) => setTimeout(resolve, 300))
      await sendNotification({
        method: 'notifications/progress',
        params: { progressToken: requestId, progress: step },
      })
    }
    return { content: [{ type: 'text', text: 'counted' }] }
  })
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => 'session',
    eventStore: new Events(),
  })
  await mcp.connect(transport)
  return serve((request, response) => void transport.handleRequest(request, response))
}

/** Stores all events of a short test in order. */
class Events implements EventStore {
  readonly #events: { readonly stream: string; readonly message: Parameters<EventStore['storeEvent']>[1] }[] =
    []

  storeEvent: EventStore['storeEvent'] = (stream, message) => {
    this.#events.push({ stream, message })
    return Promise.resolve(String(this.#events.length))
  }

  getStreamIdForEventId = (id: string): Promise<string | undefined> =>
    Promise.resolve(this.#events[Number(id) - 1]?.stream)

  replayEventsAfter: EventStore['replayEventsAfter'] = async (id, { send }) => {
    const of = this.#events[Number(id) - 1]?.stream ?? ''
    for (const [index, { stream, message }] of this.#events.entries()) {
      if (index >= Number(id) && stream === of) await send(String(index + 1), message)
    }
    return of
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
