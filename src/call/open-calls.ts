/**
 * The calls of MCP servers' tools that are not answered yet, so that a message can ask for the end of one, and a caller
 * that lost its stream can go on with another. Bounded by what the lanes hold. A call is found only by its own caller:
 * same server, session, credentials and agent.
 */
import type { Caller } from '../listen/caller.ts'
import type { Tool } from '../tools/tool.ts'
import { headerValue } from '../upstream/headers.ts'
import type { Call } from './call.ts'

type CallsById = Map<string, Set<Call>>

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

  /** A key for the caller. Without a session the address tells callers apart that have no credentials. */
  callerKey({ request: { rawHeaders }, peer }: Caller, { tool, settings }: Tool): string {
    const names = ['authorization', 'x-api-key', settings.agentHeader ?? 'x-agent-id']
    const session = headerValue(rawHeaders, 'mcp-session-id')
    const credentials = names.map((name) => headerValue(rawHeaders, name) ?? null)
    return this.#hash(JSON.stringify([tool, session ?? null, session === undefined ? peer : '', credentials]))
  }

  /** Gives back how to forget it. */
  add(callerKey: string, idKey: string, call: Call): () => void {
    const byId: CallsById = this.#calls.get(callerKey) ?? new Map<string, Set<Call>>()
    const calls = byId.get(idKey) ?? new Set()
    this.#calls.set(callerKey, byId)
    byId.set(idKey, calls)
    calls.add(call)
    return () => {
      calls.delete(call)
      if (calls.size === 0 && byId.get(idKey) === calls) byId.delete(idKey)
      if (byId.size === 0 && this.#calls.get(callerKey) === byId) this.#calls.delete(callerKey)
    }
  }

  /** The call of this id; undefined when there is none, or when several callers look the same. */
  only(callerKey: string, idKey: string): Call | undefined {
    const calls = this.#calls.get(callerKey)?.get(idKey)
    return calls?.size === 1 ? [...calls][0] : undefined
  }

  /** Those that run though their caller has lost its stream. */
  adrift(callerKey: string): Call[] {
    const calls = [...(this.#calls.get(callerKey)?.values() ?? [])].flatMap((each) => [...each])
    return [...new Set(calls)].filter(({ mcp }) => mcp?.isAdrift === true)
  }
}
