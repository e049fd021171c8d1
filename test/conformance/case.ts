/**
 * What a case of the conformance table is: bytes that a caller sends, bytes that the tool answers, and what RFC 9110 and
 * RFC 9112 allow a proxy to do with them. In texts `$T` is the path and `$H` the host that lead to the tool of the case.
 */

/** What the caller waits for, or does, before the next bytes. */
export interface Action {
  readonly action: 'await answer' | 'await interim' | 'await tool' | 'end' | 'destroy'
}

export const AWAIT_ANSWER: Action = { action: 'await answer' }
/** Any answer, interim or final. */
export const AWAIT_INTERIM: Action = { action: 'await interim' }
/** The tool has the request's head. */
export const AWAIT_TOOL: Action = { action: 'await tool' }
/** The caller closes its side. */
export const END: Action = { action: 'end' }
export const DESTROY: Action = { action: 'destroy' }

/** Bytes, a pause in milliseconds, or an action. */
export type Step = string | number | Action

/** How the tool answers the first request of the case; the ones after it get a plain 200. */
export interface Answer {
  /** Only for a request with this field; without it the tool answers plainly. */
  readonly needs?: string
  /** When: as soon as the head is there, or after the whole request. */
  readonly at?: 'head' | 'whole'
  /** Bytes, and pauses in milliseconds. */
  readonly send: readonly (string | number)[]
  /** What follows on the connection. */
  readonly then?: 'keep' | 'close' | 'reset'
}

/** What the tool must have received, beside what the proxy itself says (Host, Via, X-Forwarded-*, framing). */
export interface Seen {
  /** Method and target; as sent when it is not given. */
  readonly line?: string
  /** All other fields, in order; as sent without the hop-by-hop ones when they are not given. */
  readonly fields?: readonly string[]
  readonly body?: string
  readonly trailers?: readonly string[]
  /** Lines that must be among all fields. */
  readonly has?: readonly (string | RegExp)[]
  /** Names that must not be among all fields. */
  readonly lacks?: readonly string[]
  /** The version of the request line. */
  readonly version?: string
  /** A run of white space in a value is as good as one space: a line was unfolded. */
  readonly isUnfolded?: boolean
  /** The request may have been cut in its body. */
  readonly isCut?: boolean
}

/** One answer that the caller may get. */
export interface Got {
  readonly by: 'tool' | 'proxy'
  readonly statuses: readonly number[]
  /** The version of the status line. */
  readonly version?: string
  /** Of the tool's fields those that must be there, and names that must not. */
  readonly has?: readonly (string | RegExp)[]
  readonly lacks?: readonly string[]
  readonly body?: string
  readonly trailers?: readonly string[]
  /** Statuses of the interim answers before it. */
  readonly interims?: readonly number[]
  /** The answer must end so that the caller knows that it is not whole. */
  readonly isCut?: boolean
}

export interface Allowed {
  readonly got: readonly Got[]
  readonly seen: readonly Seen[]
  /** What becomes of the caller's connection; either when it is not given. */
  readonly end?: 'closes' | 'goes on'
}

export interface Case {
  readonly name: string
  /** For example `9112 6.3`: number and section. */
  readonly rfc: string
  /** What a proxy that does otherwise violates. */
  readonly level: 'MUST' | 'SHOULD'
  readonly send: readonly Step[]
  /** Sent byte by byte. */
  readonly isSlow?: boolean
  readonly answer?: Answer
  /** Any one of these. */
  readonly allow: readonly Allowed[]
  /** Why something is allowed that the section does not say. */
  readonly why?: string
  /** Answers that the caller waits for, when it is not one for each request that was sent. */
  readonly answers?: number
}

/** Refused by the proxy: the tool sees nothing. */
export function refused(...statuses: number[]): Allowed {
  return { got: [{ by: 'proxy', statuses }], seen: [] }
}

/** Refused, and the connection is closed: where the next request begins is not certain. */
export function refusedForGood(...statuses: number[]): Allowed {
  return { ...refused(...statuses), end: 'closes' }
}

/** Closed without an answer; the tool sees nothing. */
export const dropped: Allowed = { got: [], seen: [], end: 'closes' }

/** The tool gets the request, and the caller the tool's plain answer. */
export function passed(seen: Seen = {}, got: Partial<Got> = {}): Allowed {
  return { got: [{ by: 'tool', statuses: [200], ...got }], seen: [seen] }
}

/** The tool was asked, and the caller gets the proxy's word for what the tool said. */
export function badGateway(...statuses: number[]): Allowed {
  return { got: [{ by: 'proxy', statuses: statuses.length > 0 ? statuses : [502] }], seen: [{}] }
}

/** The tool's answer, cut off so that the caller knows. */
export function cut(got: Partial<Got> = {}): Allowed {
  return { got: [{ by: 'tool', statuses: [200], isCut: true, ...got }], seen: [{}], end: 'closes' }
}

/** The connection is closed before the caller has a head, though the tool was asked. */
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

/** All passed, all answered, in order. */
export function many(seen: readonly Seen[]): Allowed {
  return { got: seen.map(() => ({ by: 'tool', statuses: [200] })), seen }
}
