/**
 * Which lane takes a call to an MCP server. In: the configured lanes with their globs, the server, and the name of the
 * called tool. Out: the name of the lane. An exact name goes before a pattern, a pattern with more literal characters
 * before one with fewer, and of equal ones the first that is written. Pure.
 */
import { isPattern, literalCharacters, matchesGlob } from './glob.ts'

/** A lane for some of the tools of an MCP server. */
export interface McpLane {
  readonly lane: string
  /** The tool in tools.yaml that is the MCP server. */
  readonly server: string
  readonly globs: readonly string[]
}

export class McpLanes {
  readonly #servers = new Map<string, ServerLanes>()

  /** In the order in which they are written. */
  constructor(lanes: Iterable<McpLane>) {
    for (const { lane, server, globs } of lanes) {
      const ofServer = this.#servers.get(server) ?? new ServerLanes()
      this.#servers.set(server, ofServer)
      for (const glob of globs) ofServer.add(glob, lane)
    }
  }

  /** The lane that takes calls of the tool `name`: the server's own lane when no glob matches. */
  laneOf(server: string, name: string): string {
    return this.#servers.get(server)?.find(name) ?? server
  }
}

class ServerLanes {
  readonly #exact = new Map<string, string>()
  /** Most literal characters first. */
  readonly #patterns: { readonly glob: string; readonly lane: string }[] = []

  add(glob: string, lane: string): void {
    if (isPattern(glob)) {
      this.#patterns.push({ glob, lane })
      // The sort is stable: of equal ones the first that was added stays first.
      this.#patterns.sort((a, b) => literalCharacters(b.glob) - literalCharacters(a.glob))
    } else if (!this.#exact.has(glob)) this.#exact.set(glob, lane)
  }

  find(name: string): string | undefined {
    return this.#exact.get(name) ?? this.#patterns.find(({ glob }) => matchesGlob(glob, name))?.lane
  }
}
