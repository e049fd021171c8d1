/**
 * An MCP server that speaks stdio only, reached over Streamable HTTP: messages are handed on as they are, both ways. One
 * session, as a test needs it.
 */
import { randomUUID } from 'node:crypto'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { serve } from './mcp-servers.ts'
import type { RunningServer } from './mcp-servers.ts'

/** Starts `node FILE ARGUMENTS...`; the path is `/mcp`. */
export async function bridged(file: string, ...args: readonly string[]): Promise<RunningServer> {
  const stdio = new StdioClientTransport({
    command: process.execPath,
    args: [file, ...args],
    stderr: 'ignore',
  })
  const http = new StreamableHTTPServerTransport({ sessionIdGenerator: randomUUID })
  http.onmessage = (message) => void stdio.send(message)
  // An answer to a caller who has gone has nowhere to go.
  stdio.onmessage = (message) => void http.send(message).catch(() => undefined)
  await stdio.start()
  await http.start()
  const server = await serve((request, response) => void http.handleRequest(request, response))
  return {
    url: server.url,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await stdio.close()
    },
  }
}
