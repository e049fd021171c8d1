/**
 * Reads the HTTP response of an MCP server while it passes to the caller. In: the response head, then the bytes of the body.
 * Out: the messages in it, as data. Buffers nothing but a few words, and cannot hold up the response.
 */
import { EventScan } from './event-scan.ts'
import { MessageScan } from './message-scan.ts'
import type { ServerMessage } from './message-scan.ts'
import { headerValue } from '../upstream/headers.ts'

/**
 * `unread`: the body is not read, because HTTP already reports a failure, the body is compressed, or its type is neither
 * JSON nor an event stream.
 */
export type ResponseForm = 'json' | 'events' | 'unread'

export class ResponseReader {
  readonly #onMessage: (message: ServerMessage) => void
  #form: ResponseForm = 'unread'
  /** At most one of the two, by the form. */
  #events: EventScan | undefined
  #messages: MessageScan | undefined

  constructor(onMessage: (message: ServerMessage) => void) {
    this.#onMessage = onMessage
  }

  /** `unread` before the head. */
  get form(): ResponseForm {
    return this.#form
  }

  /** Events had ids, so that the caller can resume the stream with another request. */
  get hasEventIds(): boolean {
    return this.#events?.hasIds === true
  }

  /** `headers`: the flat list of names and values. */
  head(status: number, headers: readonly string[]): void {
    this.#form = formOf(status, headers)
    const messages = new MessageScan(this.#onMessage)
    this.#events = this.#form === 'events' ? new EventScan(messages) : undefined
    this.#messages = this.#form === 'json' ? messages : undefined
  }

  chunk(bytes: Buffer): void {
    this.#events?.write(bytes)
    this.#messages?.write(bytes)
  }
}

function formOf(status: number, headers: readonly string[]): ResponseForm {
  const coding = headerValue(headers, 'content-encoding') ?? 'identity'
  if (status >= 300 || coding.trim().toLowerCase() !== 'identity') return 'unread'
  const type = headerValue(headers, 'content-type')?.trim().toLowerCase() ?? ''
  if (type.startsWith('text/event-stream')) return 'events'
  return type.startsWith('application/json') ? 'json' : 'unread'
}
