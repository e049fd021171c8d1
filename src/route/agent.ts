/**
 * Who calls, for fairness: the header that the operator named, else the credentials, else the MCP session, else the
 * address. Pure, and always a hash of bounded length: a key is kept while its call waits, and may be a secret.
 */

export interface Caller {
  /** The first value of a request header; the name in lower case. */
  readonly header: (lower: string) => string | undefined
  /** The caller's address. */
  readonly peer: string
}

/** `by`: the header's name in lower case; undefined where all callers stand in one line. */
export function agentKey(
  by: string | undefined,
  { header, peer }: Caller,
  hash: (text: string) => string,
): string | undefined {
  if (by === undefined) return undefined
  for (const name of [by, 'authorization', 'x-api-key', 'mcp-session-id']) {
    const value = header(name)
    // The name goes into the hash, so that nobody stands in another's line by writing its key into another header.
    if (value !== undefined && value !== '') return hash(`${name}\n${value}`)
  }
  return hash(`peer\n${peer}`)
}
