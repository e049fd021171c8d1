/**
 * The calls of MCP servers' tools that are not answered yet, so that a message can ask for the end of one. Bounded by
 * what the lanes hold. A call is found only by whoever made it: same server, session, credentials and agent.
 */
import type { IncomingMessage } from 'node:http'
import type { McpCall } from './mcp-call.ts'
import type { Tool } from './tools.ts'
import { headerValue } from './upstream/headers.ts'

export class OpenCalls {
  readonly #hash: (text: string) => string
  readonly #calls = new Map<string, Set<McpCall>>()

  constructor(hash: (text: string) => string) {
    this.#hash = hash
  }

  get count(): number {
    return this.#calls.size
  }

  /** `idKey` of the call. Without a session the address tells callers apart that have no credentials. */
  keyOf({ rawHeaders, socket }: IncomingMessage, { tool, settings }: Tool, idKey: string): string {
    const names = ['authorization', 'x-api-key', settings.agentHeader ?? 'x-agent-id']
    const session = headerValue(rawHeaders, 'mcp-session-id')
    const who = names.map((name) => headerValue(rawHeaders, name) ?? '')
    return this.#hash(
      JSON.stringify([tool, session ?? null, session === undefined ? socket.remoteAddress : '', who, idKey]),
    )
  }

  /** Gives back how to forget it. */
  add(key: string, call: McpCall): () => void {
    const calls = this.#calls.get(key) ?? new Set()
    calls.add(call)
    this.#calls.set(key, calls)
    return () => {
      calls.delete(call)
      if (calls.size === 0 && this.#calls.get(key) === calls) this.#calls.delete(key)
    }
  }

  /** The call of this key; undefined when there is none, or when several callers look the same. */
  only(key: string): McpCall | undefined {
    const calls = this.#calls.get(key)
    return calls?.size === 1 ? [...calls][0] : undefined
  }
}
