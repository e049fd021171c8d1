/**
 * Reads the whole body of a request to an MCP server in one step.
 */
import assert from 'node:assert/strict'
import type { McpHeaders } from '../../src/mcp/headers.ts'
import { BodyReader } from '../../src/mcp/read.ts'
import type { McpBody } from '../../src/mcp/read.ts'

export function readBody(bytes: Buffer, headers: McpHeaders): McpBody {
  const body = new BodyReader(bytes, headers).step(Infinity)
  assert.ok(body, 'one step without a bound reads the whole body')
  return body
}
