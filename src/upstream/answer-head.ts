/**
 * The head of the tool's answer as this caller may get it. `Trailer` and trailers pass only where the answer to this
 * caller is chunked; a 204 says no length; a body in a transfer coding that is not decoded here cannot be passed on.
 * Pure.
 */
import { headerValue } from './headers.ts'

export interface Head {
  readonly status: number
  readonly text: string
  /** Flat list of names and values. */
  readonly headers: string[]
  /** The answer to this caller is chunked: trailers have a place to go. */
  readonly isChunked: boolean
}

/** What the shape of an answer depends on. */
export interface Asking {
  readonly method?: string | undefined
  readonly httpVersion: string
}

const UNPRINTABLE = /[^\t\u0020-\u007e]/

/** `headers`: flat, without those that speak of the tool's connection. */
export function headFor(
  { method, httpVersion }: Asking,
  { status, text, headers }: { readonly status: number; readonly text: string; readonly headers: string[] },
): Head {
  const isWithoutBody = status === 204 || status === 304 || method === 'HEAD'
  // RFC 9110, 8.6: a 204 has no Content-Length, and callers who believe one would wait for the bytes.
  if (status === 204) drop(headers, 'content-length')
  const isChunked =
    !isWithoutBody && httpVersion === '1.1' && headerValue(headers, 'content-length') === undefined
  // node refuses to write a head that promises trailers which cannot follow (ERR_HTTP_TRAILER_INVALID).
  if (!isChunked) drop(headers, 'trailer')
  return { status, text: UNPRINTABLE.test(text) ? '' : text, headers, isChunked }
}

/**
 * The body is in a transfer coding beside `chunked`. It was not asked for (TE is not passed to tools), and without its
 * Transfer-Encoding header, which speaks of one connection, a caller would take the coded bytes for the answer.
 */
export function hasForeignCoding(raw: readonly (Buffer | string)[]): boolean {
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as Buffer | string
    if (name.length !== 17 || name.toString().toLowerCase() !== 'transfer-encoding') continue
    if (!/^\s*(?:chunked|identity)\s*$/i.test((raw[i + 1] as Buffer | string).toString())) return true
  }
  return false
}

function drop(headers: string[], lower: string): void {
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    const name = headers[i] as string
    if (name.length === lower.length && name.toLowerCase() === lower) headers.splice(i, 2)
  }
}
