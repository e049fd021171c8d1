/**
 * The agent of a request, for fairness: the value of the header that the operator named, else the credentials, else the
 * MCP session, else the caller's address. The key is a hash, since it is kept while the call waits and the value may be a
 * secret or long. Pure.
 */

export interface AgentSource {
  /** The first value of a request header; the name in lower case. */
  readonly header: (lower: string) => string | undefined
  /** The caller's address. */
  readonly peer: string
}

/** `by`: the name of the operator's header in lower case. Undefined, also as the result: all callers share one queue. */
export function agentKey(
  by: string | undefined,
  { header, peer }: AgentSource,
  hash: (text: string) => string,
): string | undefined {
  if (by === undefined) return undefined
  for (const name of [by, 'authorization', 'x-api-key', 'mcp-session-id']) {
    const value = header(name)
    // The name is hashed, too: a caller cannot pass for another agent by sending its key in a different header.
    if (value !== undefined && value !== '') return hash(`${name}\n${value}`)
  }
  return hash(`peer\n${peer}`)
}
