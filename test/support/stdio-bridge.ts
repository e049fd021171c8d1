/**
 * Makes an MCP server that only speaks stdio reachable over Streamable HTTP. Messages pass unchanged in both directions.
 * There is one session, which is enough for a test.
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
  // An answer to a caller that has left is dropped.
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
