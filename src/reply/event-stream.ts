/**
 * The stream of server-sent events (WHATWG HTML, 9.2) that operators watch: its head, its events, and the answer to a
 * watcher for whom there is no place. Pure.
 */
import type { Answer } from './answer.ts'

/** Seconds until a watcher without a place may ask again. */
const WATCH_AGAIN_SECONDS = 5

/** The head of the stream; `body` is its beginning. */
export function eventStream(): Answer {
  return {
    status: 200,
    headers: ['Content-Type', 'text/event-stream', 'Cache-Control', 'no-store'],
    body: '',
  }
}

export function eventText(name: string, data: object): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
}

export function noPlaceToWatch(error: string): Answer {
  const body = `${JSON.stringify({ error })}\n`
  const headers = ['Content-Type', 'application/json', 'Content-Length', String(Buffer.byteLength(body))]
  headers.push('Retry-After', String(WATCH_AGAIN_SECONDS))
  return { status: 503, headers, body }
}
