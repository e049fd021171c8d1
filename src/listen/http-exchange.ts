/**
 * One exchange on the admin listener: its body read within a bound, its answer sent to a caller that may still be sending.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Answer } from '../reply/answer.ts'

/** A request and the response to it. */
export interface HttpExchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** Bytes of a body that an operator or a worker sends. */
export const MAX_BODY_BYTES = 16_384
/** Milliseconds that a caller may leave an answer unread. */
const UNREAD_MS = 10_000

/** The whole body; undefined when it is larger than the bound. Errors: that the caller left. */
export function readBody(request: IncomingMessage): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      // Bytes beyond the bound are read and dropped, so that the caller gets to read the answer; requestTimeout ends it.
      if (bytes > MAX_BODY_BYTES) resolve(undefined)
      else chunks.push(chunk)
    })
    request.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')))
    request.on('error', reject)
  })
}

export function send({ request, response }: HttpExchange, { status, headers, body }: Answer): void {
  const sent = request.method === 'HEAD' ? undefined : body
  response.writeHead(status, headers)
  response.setTimeout(UNREAD_MS, () => response.destroy())
  if (request.complete) {
    response.end(sent)
    return
  }
  // A caller that is still sending would lose the answer if the connection closed now; requestTimeout bounds the wait.
  if (sent !== undefined) response.write(sent)
  request.resume().once('close', () => response.end())
}
