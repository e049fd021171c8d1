/**
 * The common form of every answer that Spillway itself gives: a status, headers and a body, not yet written to anything.
 */
export interface Answer {
  readonly status: number
  /** Flat list of names and values. */
  readonly headers: string[]
  readonly body: string
}

/** The part of node's ServerResponse that an answer needs. */
interface Response {
  writeHead(status: number, headers: string[]): { end(body: string): unknown }
}

/** Writes the answer and ends the response. */
export function give(response: Response, { status, headers, body }: Answer): void {
  response.writeHead(status, headers).end(body)
}
