/**
 * A fake MCP server whose answers the test writes, and JSON-RPC over plain HTTP to it: for messages that no SDK sends.
 */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { fakeTool } from './fake-tool.ts'
import type { FakeTool } from './fake-tool.ts'

export interface Message {
  readonly id?: unknown
  readonly method?: string
  readonly params?: { readonly name?: string; readonly requestId?: unknown; readonly arguments?: object }
}

export interface Received {
  readonly method: string
  readonly headers: IncomingHttpHeaders
  /** The body as it arrived. */
  readonly text: string
  /** The parsed body; empty for a body that is not JSON. */
  readonly message: Message
}

export interface McpTool extends FakeTool {
  readonly received: Received[]
}

/** Handles a message. By default each request is answered at once. */
export type OnMessage = (received: Received, response: ServerResponse) => unknown

export async function mcpTool(onMessage: OnMessage = answerAtOnce): Promise<McpTool> {
  const received: Received[] = []
  const tool = await fakeTool(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString()
    const each = { method: request.method ?? '', headers: request.headers, text, message: parsed(text) }
    received.push(each)
    await onMessage(each, response)
  })
  return Object.assign(tool, { received })
}

function parsed(text: string): Message {
  try {
    return JSON.parse(text) as Message
  } catch {
    return {}
  }
}

export function answerAtOnce({ message }: Received, response: ServerResponse): void {
  if (message.id === undefined) response.writeHead(202).end()
  else json(response, { jsonrpc: '2.0', id: message.id, result: { content: [], ran: message.params?.name } })
}

export function json(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
}

/** Writes these messages to the event stream of the response, which stays open. */
export function events(response: ServerResponse, ...messages: readonly unknown[]): void {
  if (!response.headersSent) response.writeHead(200, { 'Content-Type': 'text/event-stream' })
  for (const message of messages) response.write(`event: message\ndata: ${JSON.stringify(message)}\n\n`)
}

export function callOf(id: unknown, name: string, args: object = {}): object {
  return { jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args } }
}

/** Sends a message with the headers of a client. */
export function post(url: string, body: unknown, init: RequestInit = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    ...init,
    headers: {
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      ...(init.headers as Record<string, string> | undefined),
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

export interface Answered {
  readonly id?: unknown
  readonly error?: { readonly code: number; readonly message: string; readonly data: Record<string, unknown> }
  readonly result?: {
    readonly content: readonly { readonly type: string; readonly text: string }[]
    readonly isError?: boolean
    readonly resultType?: string
    readonly structuredContent?: unknown
    readonly ran?: string
    readonly _meta?: Record<string, Record<string, unknown>>
  }
}

export async function answerOf(response: Response): Promise<Answered> {
  return (await response.json()) as Answered
}
