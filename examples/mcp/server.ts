/**
 * A simple MCP server with a slow tool and a fast tool. Run it with `node examples/mcp/server.ts`.
 */
import { createServer } from 'node:http'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import * as z from 'zod'

const PORT = 3900
const DEEP_MS = 1500

function server(): McpServer {
  const mcp = new McpServer({ name: 'search', version: '1.0.0' })
  const inputSchema = z.object({ query: z.string() })
  mcp.registerTool('deep_research', { inputSchema }, async ({ query }) => {
    await new Promise((resolve) => setTimeout(resolve, DEEP_MS))
    return { content: [{ type: 'text', text: `everything about ${query}` }] }
  })
  mcp.registerTool('lookup', { inputSchema }, ({ query }) => {
    return { content: [{ type: 'text', text: `one line about ${query}` }] }
  })
  return mcp
}

const handle = toNodeHandler(createMcpHandler(server))
// The SDK is not written for exactOptionalPropertyTypes.
type Incoming = Parameters<typeof handle>[0]
createServer((request, response) => void handle(request as Incoming, response)).listen(
  PORT,
  '127.0.0.1',
  () => console.log(`MCP server on http://127.0.0.1:${PORT}/mcp`),
)
