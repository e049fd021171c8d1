/**
 * A strict reader of HTTP/1.1 messages (RFC 9112) that judges the bytes of other programs. It repairs nothing: bytes that a
 * lenient reader could interpret differently are a flaw. Texts are latin1: one character is one byte.
 */

export interface Message {
  /** The request line or the status line. */
  readonly start: string
  /** Field lines of the head: names in lower case, values without leading and trailing white space. */
  readonly fields: readonly string[]
  readonly body: string
  readonly trailers: readonly string[]
  /** The message is complete. */
  readonly isWhole: boolean
  /** How the end of the body is determined. */
  readonly framing: 'none' | 'length' | 'chunked' | 'close'
}

export interface Read {
  readonly messages: readonly Message[]
  /** Bytes after the last message, which may itself be incomplete. */
  readonly rest: string
  /** Why reading stopped before the end of the bytes; undefined if it did not. */
  readonly flaw: string | undefined
}

class Flaw extends Error {}

interface Body extends Pick<Message, 'body' | 'trailers' | 'isWhole' | 'framing'> {
  readonly end: number
  /** A flaw in the trailers; the body before them is complete. */
  readonly flaw?: string | undefined
}

const REQUEST_LINE = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+ [\x21-\x7e\x80-\xff]+ HTTP\/1\.[01]$/
/** Statuses above 599 are invalid but occur in practice (RFC 9110, 15), so they are read. */
const STATUS_LINE = /^HTTP\/1\.[01] [1-9]\d\d [\t\x20-\x7e\x80-\xff]*$/
/** A recipient may keep control characters other than CR, LF and NUL (RFC 9110, 5.5). */
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*?)[ \t]*$/
const CHUNK_SIZE = /^([0-9A-Fa-f]{1,12})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?$/
const SHOWN = 60

/** Reads the requests that a tool received on one connection. */
export function readRequests(text: string): Read {
  return readAll(text, (start, fields, at) => {
    if (!REQUEST_LINE.test(start)) throw new Flaw(`request line ${shown(start)}`)
    const body = framed(fields, text, at)
    return body ?? { body: '', trailers: [], isWhole: true, framing: 'none', end: at }
  })
}

/** Reads the answers to requests with these methods. `isClosed` says that no more bytes will come. */
export function readAnswers(text: string, methods: readonly string[], isClosed: boolean): Read {
  let answered = 0
  return readAll(text, (start, fields, at) => {
    if (!STATUS_LINE.test(start)) throw new Flaw(`status line ${shown(start)}`)
    const status = statusOf(start)
    const none: Body = { body: '', trailers: [], isWhole: true, framing: 'none', end: at }
    if (status < 200 && status !== 101) return none
    const method = methods[answered++] ?? 'GET'
    if (method === 'HEAD' || status === 204 || status === 304 || status === 101) return none
    const rest = text.slice(at)
    const close: Body = { body: rest, trailers: [], isWhole: isClosed, framing: 'close', end: text.length }
    return framed(fields, text, at) ?? close
  })
}

export function statusOf(start: string): number {
  return Number(start.slice(9, 12))
}

/** The values of all lines of a field, in order. */
export function valuesOf(fields: readonly string[], name: string): string[] {
  return fields.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2))
}

function readAll(text: string, bodyOf: (start: string, fields: string[], at: number) => Body): Read {
  const messages: Message[] = []
  let at = 0
  try {
    while (at < text.length) {
      const headEnd = text.indexOf('\r\n\r\n', at)
      if (headEnd === -1) break
      const [start = '', ...lines] = text.slice(at, headEnd).split('\r\n')
      const fields = lines.map(fieldOf)
      const { end, flaw, ...body } = bodyOf(start, fields, headEnd + 4)
      messages.push({ start, fields, ...body })
      at = end
      if (flaw !== undefined) return { messages, rest: text.slice(at), flaw }
      if (!body.isWhole) break
    }
  } catch (error) {
    if (!(error instanceof Flaw)) throw error
    return { messages, rest: text.slice(at), flaw: error.message }
  }
  return { messages, rest: text.slice(at), flaw: undefined }
}

function fieldOf(line: string): string {
  const found = FIELD.exec(line)
  if (found === null) throw new Flaw(`field line ${shown(line)}`)
  return `${(found[1] ?? '').toLowerCase()}: ${found[2] ?? ''}`
}

/** The body if fields determine its length (RFC 9112, 6.3); undefined otherwise. */
function framed(fields: readonly string[], text: string, at: number): Body | undefined {
  const codings = valuesOf(fields, 'transfer-encoding')
  const lengths = valuesOf(fields, 'content-length')
  if (codings.length > 0 && lengths.length > 0)
    throw new Flaw('Transfer-Encoding and Content-Length together')
  if (codings.length > 0) {
    if (codings.length > 1 || codings[0]?.toLowerCase() !== 'chunked')
      throw new Flaw(`Transfer-Encoding ${shown(codings.join(', '))}`)
    return chunked(text, at)
  }
  if (lengths.length === 0) return undefined
  const [length = ''] = lengths
  if (lengths.length > 1 || !/^\d{1,15}$/.test(length))
    throw new Flaw(`Content-Length ${shown(lengths.join(' and '))}`)
  const body = text.slice(at, at + Number(length))
  const isWhole = body.length === Number(length)
  return { body, trailers: [], isWhole, framing: 'length', end: at + body.length }
}

function chunked(text: string, at: number): Body {
  const pieces: string[] = []
  const soFar = (): Body => ({
    body: pieces.join(''),
    trailers: [],
    isWhole: false,
    framing: 'chunked',
    end: text.length,
  })
  for (let from = at; ;) {
    const lineEnd = text.indexOf('\r\n', from)
    if (lineEnd === -1) return soFar()
    const size = CHUNK_SIZE.exec(text.slice(from, lineEnd))?.[1]
    if (size === undefined) throw new Flaw(`chunk size ${shown(text.slice(from, lineEnd))}`)
    const dataEnd = lineEnd + 2 + parseInt(size, 16)
    if (parseInt(size, 16) === 0) return { ...soFar(), ...trailersFrom(text, lineEnd + 2) }
    pieces.push(text.slice(lineEnd + 2, dataEnd))
    if (text.length < dataEnd + 2) return soFar()
    if (text.slice(dataEnd, dataEnd + 2) !== '\r\n') throw new Flaw('no CRLF after a chunk')
    from = dataEnd + 2
  }
}

function trailersFrom(text: string, at: number): Pick<Body, 'trailers' | 'isWhole' | 'end' | 'flaw'> {
  const trailers: string[] = []
  for (let from = at; ;) {
    const lineEnd = text.indexOf('\r\n', from)
    if (lineEnd === -1) return { trailers, isWhole: false, end: text.length }
    if (lineEnd === from) return { trailers, isWhole: true, end: lineEnd + 2 }
    const line = text.slice(from, lineEnd)
    if (!FIELD.test(line))
      return { trailers, isWhole: true, end: text.length, flaw: `trailer line ${shown(line)}` }
    trailers.push(fieldOf(line))
    from = lineEnd + 2
  }
}

function shown(text: string): string {
  return JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}...` : text)
}
