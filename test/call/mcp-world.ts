/**
 * A world (world.ts) with one MCP server, `s`, and a lane of its own, `l`, for its tools named `l_*`: the messages that
 * clients send, and the answers that the server gives.
 */
import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import type { Tool } from '../../src/tools/tool.ts'
import type { FakeCaller, FakeCallerFacts } from '../support/fake-caller.ts'
import type { ToolExchange } from '../support/fake-tools.ts'
import { World } from './world.ts'

const LANE = 'maxConcurrent: 1, maxQueueDepth: 10, controller: { algorithm: fixed }'
export const EVENTS = ['Content-Type', 'text/event-stream']
export const SESSION = ['Mcp-Session-Id', 'a']
/** A revision in which closing the connection cancels a call. */
export const CLOSING_CANCELS = ['MCP-Protocol-Version', '2026-07-28']

/** The configuration; `server` and `lane` are further keys of the two. */
export function mcpTools(server = '', lane = ''): string {
  return `tools:
  s: { upstream: "http://s.internal:1", mcp: {}, ${LANE}, ${server} }
  l: { mcp: { server: s, tools: ["l_*"] }, ${LANE}, ${lane} }`
}

export function callMessage(id: number | string = 1, name = 'x'): object {
  return { jsonrpc: '2.0', id, method: 'tools/call', params: { name } }
}

export function cancelMessage(requestId: number | string = 1): object {
  return { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } }
}

/** One event of a stream with the answer to the call of this id. */
export function answerEvent(id: number | string = 1): string {
  return `data: ${JSON.stringify({ jsonrpc: '2.0', id, result: { content: [] } })}\n\n`
}

/** Streams hand on what they have in turns of their own. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 4; i++) await turn()
}

export interface PostFacts extends Omit<FakeCallerFacts, 'body'> {
  /** The body, and whatever is not JSON. */
  readonly text?: string
}

export class McpWorld extends World {
  constructor(yaml: string = mcpTools()) {
    super(yaml)
  }

  get server(): Tool {
    return this.side.tool('s')
  }

  /** A message comes with its whole body; waits until it was read. */
  async post(message: unknown, { text, headers = SESSION, ...facts }: PostFacts = {}): Promise<FakeCaller> {
    const caller = this.call({
      method: 'POST',
      url: '/s',
      ...facts,
      headers: ['Content-Type', 'application/json', ...headers],
      body: text ?? JSON.stringify(message),
    })
    await settled()
    return caller
  }

  /** A message comes of which the test sends the body. */
  open(headers: readonly string[] = SESSION): FakeCaller {
    return this.call({
      method: 'POST',
      url: '/s',
      headers: ['Content-Type', 'application/json', ...headers],
      body: { toCome: true },
    })
  }

  /** A request without a body. */
  async ask(method: string, headers: readonly string[] = SESSION): Promise<FakeCaller> {
    const caller = this.call({ method, url: '/s', headers })
    await settled()
    return caller
  }

  /** The names of the tools that the server was called with, and the methods of other messages, in order. */
  get sent(): string[] {
    return this.exchanges.map(({ options }) => {
      const { body, method } = options
      if (!Buffer.isBuffer(body)) return method
      const message = JSON.parse(body.toString()) as { method?: string; params?: { name?: string } }
      return message.params?.name ?? message.method ?? 'response'
    })
  }

  /** The exchange that began as the `n`th, from 0. */
  at(n: number): ToolExchange {
    const exchange = this.exchanges[n]
    assert.ok(exchange !== undefined, `the server got only ${this.exchanges.length} requests`)
    return exchange
  }

  /** Beside the lanes of the server: messages and streams under way. */
  get beside(): { readonly messages: number; readonly streams: number } {
    const { messages, streams } = this.server.traffic
    return { messages: messages.lane.depths().active, streams: streams.lane.depths().active }
  }

  /** What `isQuiet` of a world says, and nothing is under way beside the lanes, held or known. */
  override async isQuiet(errors = 0): Promise<void> {
    await super.isQuiet(errors)
    assert.deepEqual(this.beside, { messages: 0, streams: 0 })
    assert.equal(this.pipeline.mcp.heldBytes, 0, 'bytes held')
  }
}

/** The reason in a refusal, in whichever form it has. */
export function reasonOf(caller: FakeCaller): string | undefined {
  return caller.header('x-spillway-reason')
}
