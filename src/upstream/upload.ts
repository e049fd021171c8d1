/**
 * The caller's body on its way to the tool: streamed, counted against its bound, and told to the lease. A stream of
 * its own, because undici destroys the body of a request that it gives up, and destroying the caller's would cut the
 * connection on which the refusal still has to be sent.
 */
import type { IncomingMessage } from 'node:http'
import { Transform } from 'node:stream'
import { headerValue } from './headers.ts'

export class BodyTooLarge extends Error {
  readonly code = 'BODY_TOO_LARGE'
}

/** How HTTP frames the body that a request brings. */
export interface Framing {
  readonly hasBody: boolean
  /** Bytes that the caller declared; undefined for a chunked body. */
  readonly declaredBytes: number | undefined
}

/** From a flat list of headers; node's parser has already refused contradictory framing. */
export function framingOf(raw: readonly string[]): Framing {
  const length = headerValue(raw, 'content-length')
  if (length !== undefined) return { hasBody: length !== '0', declaredBytes: Number(length) }
  return { hasBody: headerValue(raw, 'transfer-encoding') !== undefined, declaredBytes: undefined }
}

/** Errors: BodyTooLarge when more than `maxBytes` come; the request's own error when the caller breaks off. */
export function openUpload(request: IncomingMessage, maxBytes: number, onBytes: () => void): Transform {
  let bytes = 0
  const upload = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      onBytes()
      if (bytes > maxBytes) done(new BodyTooLarge(`more than ${maxBytes} bytes`))
      else done(null, chunk)
    },
  })
  request.on('error', (error) => upload.destroy(error))
  request.pipe(upload)
  return upload
}
