/**
 * What Spillway's own log lines (--log text) tell the demo: where it listens, how the limit moved, and which of them a
 * person wants to see. Pure.
 */

/** `127.0.0.1:PORT`, once it listens. */
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

/** The line without the time that every line begins with; undefined for what only says that the process lives. */
export function shown(line: string): string | undefined {
  if (/ (?:msg=listening|drain=)/.test(line)) return undefined
  return line.replace(/^time=\S+ /, '').replace(/^level=warn /, '')
}

/** `24 -> 22 -> 20`; a limit that never moved says so. */
export function limitPath(moves: readonly LimitMove[]): string {
  const [first] = moves
  if (first === undefined) return 'it did not move'
  return [first.from, ...moves.map(({ to }) => to)].join(' -> ')
}
