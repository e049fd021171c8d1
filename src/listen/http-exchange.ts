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

/** The whole body; undefined when it is larger than the bound. Errors: that the caller left. */
export function read(request: IncomingMessage): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      // What comes beyond is read and dropped, so that the caller gets to read the answer; requestTimeout ends it.
      if (bytes > MAX_BODY_BYTES) resolve(undefined)
      else chunks.push(chunk)
    })
    request.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')))
    request.on('error', reject)
  })
}

/** Headers of every answer: no page may read it, frame it, or take it for something else. There are no CORS headers anywhere. */
export const GUARDS = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Resource-Policy': 'same-origin',
} as const

/** Milliseconds that a caller may leave an answer unread. */
const UNREAD_MS = 10_000

export function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const body = request.method === 'HEAD' ? undefined : answer.body
  response.writeHead(answer.status, {
    'Content-Type': answer.type,
    'Content-Length': Buffer.byteLength(answer.body),
  })
  response.setTimeout(UNREAD_MS, () => response.destroy())
  if (request.complete) {
    response.end(body)
    return
  }
  // To close on a caller who still sends would cost it the answer; requestTimeout bounds how long it may.
  if (body !== undefined) response.write(body)
  request.resume().once('close', () => response.end())
}

/** A segment of a path as it was meant. */
export function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
