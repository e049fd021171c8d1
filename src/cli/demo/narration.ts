/**
 * Reads Spillway's own log lines (--log text) for the demo: where Spillway listens, how a limit moved, and which lines to
 * show. Pure.
 */

/** `127.0.0.1:PORT`, if this is the line which says that Spillway listens. */
export function listenAddress(line: string): string | undefined {
  return /(?:^| )msg=listening .*?\blisten=(\S+)/.exec(line)?.[1]
}

export interface LimitMove {
  readonly tool: string
  readonly from: number
  readonly to: number
}

export function limitMove(line: string): LimitMove | undefined {
  if (!/ controller_action=/.test(line)) return undefined
  const to = / new_limit=(\d+)/.exec(line)?.[1]
  const from = / old_limit=(\d+)/.exec(line)?.[1]
  const tool = / tool=(\S+)/.exec(line)?.[1]
  if (to === undefined || from === undefined || tool === undefined) return undefined
  return { tool, from: Number(from), to: Number(to) }
}

/** The line without its time and level; undefined for lines about the start and the drain. */
export function shown(line: string): string | undefined {
  if (/ (?:msg=listening|drain=)/.test(line)) return undefined
  return line.replace(/^time=\S+ /, '').replace(/^level=warn /, '')
}

/** `24 -> 22 -> 20`, or words for a limit that never moved. */
export function limitPath(moves: readonly LimitMove[]): string {
  const [first] = moves
  if (first === undefined) return 'it did not move'
  return [first.from, ...moves.map(({ to }) => to)].join(' -> ')
}
