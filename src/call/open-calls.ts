/**
 * The calls of MCP servers' tools that are not answered yet, so that a message can ask for the end of one, and a caller
 * who lost its stream can go on with another. Bounded by what the lanes hold. A call is found only by whoever made it:
 * same server, session, credentials and agent.
 */
import type { IncomingMessage } from 'node:http'
import type { McpCall } from './mcp-call.ts'
import type { Tool } from '../tools/tools.ts'
import { headerValue } from '../upstream/headers.ts'

type CallsById = Map<string, Set<McpCall>>

export class OpenCalls {
  readonly #hash: (text: string) => string
  readonly #calls = new Map<string, CallsById>()

  constructor(hash: (text: string) => string) {
    this.#hash = hash
  }

  /** Callers with open calls. */
  get callers(): number {
    return this.#calls.size
  }

  /** Who calls. Without a session the address tells callers apart that have no credentials. */
  caller({ rawHeaders, socket }: IncomingMessage, { tool, settings }: Tool): string {
    const names = ['authorization', 'x-api-key', settings.agentHeader ?? 'x-agent-id']
    const session = headerValue(rawHeaders, 'mcp-session-id')
    const who = names.map((name) => headerValue(rawHeaders, name) ?? null)
    return this.#hash(
      JSON.stringify([tool, session ?? null, session === undefined ? socket.remoteAddress : '', who]),
    )
  }

  /** Gives back how to forget it. */
  add(caller: string, idKey: string, call: McpCall): () => void {
    const byId: CallsById = this.#calls.get(caller) ?? new Map<string, Set<McpCall>>()
    const calls = byId.get(idKey) ?? new Set()
    this.#calls.set(caller, byId)
    byId.set(idKey, calls)
    calls.add(call)
    return () => {
      calls.delete(call)
      if (calls.size === 0 && byId.get(idKey) === calls) byId.delete(idKey)
      if (byId.size === 0 && this.#calls.get(caller) === byId) this.#calls.delete(caller)
    }
  }

  /** The call of this id; undefined when there is none, or when several callers look the same. */
  only(caller: string, idKey: string): McpCall | undefined {
    const calls = this.#calls.get(caller)?.get(idKey)
    return calls?.size === 1 ? [...calls][0] : undefined
  }

  /** Those that run though the caller has lost their streams. */
  adrift(caller: string): McpCall[] {
    const calls = [...(this.#calls.get(caller)?.values() ?? [])].flatMap((each) => [...each])
    return [...new Set(calls)].filter(({ isAdrift }) => isAdrift)
  }
}
