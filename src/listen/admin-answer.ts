/**
 * What every path of the admin listener needs: answers in JSON or text, and bodies within a bound.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'

export interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

/** Bytes of a body that an operator or a worker sends. */
export const MAX_BODY_BYTES = 16_384

export function json(status: number, body: object): Answer {
  return { status, type: 'application/json', body: `${JSON.stringify(body)}\n` }
}

export function text(status: number, body: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body }
}

export function tooLarge(): Answer {
  return json(413, { error: `the body is larger than ${MAX_BODY_BYTES} bytes` })
}

/** The whole body; undefined when it is larger than the bound. */
export async function read(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

export function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  response.writeHead(answer.status, {
    'Content-Type': answer.type,
    'Content-Length': Buffer.byteLength(answer.body),
    'Cache-Control': 'no-store',
  })
  response.end(request.method === 'HEAD' ? undefined : answer.body)
}

/** A segment of a path as it was meant. */
export function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
