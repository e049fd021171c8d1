/**
 * The head of the tool's answer in the form that this caller can receive. Trailers, and the header `Trailer`, pass only if
 * the answer to this caller is chunked. A 204 loses its Content-Length. An answer in a transfer coding other than
 * `chunked` cannot be passed on. Pure.
 */
import { headerValue } from './headers.ts'

export interface Head {
  readonly status: number
  readonly text: string
  /** Flat list of names and values. */
  readonly headers: string[]
  /** The answer to this caller is chunked, so it may end with trailers. */
  readonly isChunked: boolean
}

/** The facts of the request that decide the form of the answer. */
export interface AnsweredRequest {
  readonly method?: string | undefined
  readonly httpVersion: string
}

const UNPRINTABLE = /[^\t\u0020-\u007e]/

/** `headers`: flat list, without the headers of the tool's connection. */
export function headFor(
  { method, httpVersion }: AnsweredRequest,
  { status, text, headers }: { readonly status: number; readonly text: string; readonly headers: string[] },
): Head {
  const isWithoutBody = status === 204 || status === 304 || method === 'HEAD'
  // A 204 has no Content-Length (RFC 9110, 8.6); a caller that obeyed one would wait for the bytes.
  if (status === 204) drop(headers, 'content-length')
  const isChunked =
    !isWithoutBody && httpVersion === '1.1' && headerValue(headers, 'content-length') === undefined
  // node refuses to write the header Trailer if the answer is not chunked (ERR_HTTP_TRAILER_INVALID).
  if (!isChunked) drop(headers, 'trailer')
  return { status, text: UNPRINTABLE.test(text) ? '' : text, headers, isChunked }
}

/**
 * Whether the body has a transfer coding other than `chunked`. Spillway requests none (TE is not passed to tools), and
 * Transfer-Encoding does not cross, so the caller would take the coded bytes for the content.
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
