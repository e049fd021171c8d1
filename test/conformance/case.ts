/**
 * A case of the conformance table: the bytes that a caller sends, the bytes that the tool answers, and the behaviour that
 * RFC 9110 and RFC 9112 allow a proxy. In texts `$T` stands for the path and `$H` for the host that route to the case's tool.
 */

/** An event that the caller awaits, or something that it does, before it sends the next bytes. */
export interface Action {
  readonly action: 'await answer' | 'await interim' | 'await tool' | 'end' | 'destroy'
}

export const AWAIT_ANSWER: Action = { action: 'await answer' }
/** The caller waits for one more answer, interim or final. */
export const AWAIT_INTERIM: Action = { action: 'await interim' }
/** The caller waits until the tool has the request's head. */
export const AWAIT_TOOL: Action = { action: 'await tool' }
/** The caller closes its side of the connection (FIN). */
export const END: Action = { action: 'end' }
export const DESTROY: Action = { action: 'destroy' }

/** Bytes, a pause in milliseconds, or an action. */
export type Step = string | number | Action

/** How the tool answers the first request of the case. Later requests get a plain 200. */
export interface Answer {
  /** A request without this field gets the plain 200 in place of the script. */
  readonly needs?: string
  /** The tool answers when it has the request's head, or the whole request (the default). */
  readonly at?: 'head' | 'whole'
  /** Bytes, and pauses in milliseconds. */
  readonly send: readonly (string | number)[]
  /** What the tool does with the connection after its bytes; the default is `keep`. */
  readonly then?: 'keep' | 'close' | 'reset'
}

/** The request that the tool must have received. Fields that the proxy sets itself (Host, Via, X-Forwarded-*, framing) are not compared. */
export interface Seen {
  /** Method and target; by default as sent. */
  readonly line?: string
  /** All compared fields, in order; by default as sent, without the hop-by-hop fields. */
  readonly fields?: readonly string[]
  readonly body?: string
  readonly trailers?: readonly string[]
  /** Lines that must be among all fields. */
  readonly has?: readonly (string | RegExp)[]
  /** Names that must not be among all fields. */
  readonly lacks?: readonly string[]
  /** The version of the request line. */
  readonly version?: string
  /** Any run of white space in a value counts as one space, because a proxy may unfold a line in several ways. */
  readonly isUnfolded?: boolean
  /** The request may end within its body. */
  readonly isCut?: boolean
}

/** One answer that the caller may get. */
export interface Got {
  readonly by: 'tool' | 'proxy'
  readonly statuses: readonly number[]
  /** The version of the status line. */
  readonly version?: string
  /** Fields of the tool's answer that the caller must get, and names that it must not get. */
  readonly has?: readonly (string | RegExp)[]
  readonly lacks?: readonly string[]
  readonly body?: string
  readonly trailers?: readonly string[]
  /** Statuses of the interim answers before it. */
  readonly interims?: readonly number[]
  /** The answer must end in a way that shows the caller that it is incomplete. */
  readonly isCut?: boolean
}

export interface Allowed {
  readonly got: readonly Got[]
  readonly seen: readonly Seen[]
  /** The state of the caller's connection after the case; by default both are allowed. */
  readonly end?: 'closes' | 'goes on'
}

export interface Case {
  readonly name: string
  /** For example `9112 6.3`: number and section. */
  readonly rfc: string
  /** The requirement level of the section. */
  readonly level: 'MUST' | 'SHOULD'
  readonly send: readonly Step[]
  /** Sent byte by byte. */
  readonly isSlow?: boolean
  readonly answer?: Answer
  /** Alternatives: the proxy must do one of them. */
  readonly allow: readonly Allowed[]
  /** The reason for an alternative that the section does not mention. */
  readonly why?: string
  /** Number of answers that the caller waits for; by default one for each request that it sends. */
  readonly answers?: number
}

/** The proxy refuses the request, and the tool sees nothing. */
export function refused(...statuses: number[]): Allowed {
  return { got: [{ by: 'proxy', statuses }], seen: [] }
}

/** The proxy refuses and closes the connection, because the start of the next request is uncertain. */
export function refusedForGood(...statuses: number[]): Allowed {
  return { ...refused(...statuses), end: 'closes' }
}

/** The proxy closes the connection without an answer, and the tool sees nothing. */
export const dropped: Allowed = { got: [], seen: [], end: 'closes' }

/** The tool gets the request, and the caller gets the tool's plain answer. */
export function passed(seen: Seen = {}, got: Partial<Got> = {}): Allowed {
  return { got: [{ by: 'tool', statuses: [200], ...got }], seen: [seen] }
}

/** The tool got the request, and the proxy answers in place of the tool. */
export function badGateway(...statuses: number[]): Allowed {
  return { got: [{ by: 'proxy', statuses: statuses.length > 0 ? statuses : [502] }], seen: [{}] }
}

/** The caller gets the beginning of the tool's answer and can see that it is incomplete. */
export function cut(got: Partial<Got> = {}): Allowed {
  return { got: [{ by: 'tool', statuses: [200], isCut: true, ...got }], seen: [{}], end: 'closes' }
}

/** The tool got the request, and the connection is closed before the caller gets a head. */
export const cutBeforeHead: Allowed = { got: [], seen: [{}], end: 'closes' }

/** A GET with these lines after Host. */
export function get(...lines: readonly string[]): string {
  return head('GET $T/x HTTP/1.1', ...lines)
}

/** A POST with these lines after Host, and bytes after the head. */
export function post(lines: readonly string[], bytes: string): string {
  return head('POST $T/x HTTP/1.1', ...lines) + bytes
}

export function head(start: string, ...lines: readonly string[]): string {
  return [start, 'Host: $H', ...lines, '', ''].join('\r\n')
}

/** A tool's 200 with these lines, and bytes after the head. */
export function ok(lines: readonly string[], bytes: string): string {
  return ['HTTP/1.1 200 OK', ...lines, '', bytes].join('\r\n')
}

/** The tool gets all of these requests and answers them, in order. */
export function many(seen: readonly Seen[]): Allowed {
  return { got: seen.map(() => ({ by: 'tool', statuses: [200] })), seen }
}
