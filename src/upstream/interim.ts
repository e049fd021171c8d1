/**
 * Removes interim answers (1xx, RFC 9110, 15.2) from a tool's bytes before undici reads them, because undici ends the
 * connection at a 100. Their number and bytes are bounded for each call. A 101 is not an interim answer: the bytes after it
 * belong to another protocol. Must not read bodies: the caller of `expect` says when a head comes next.
 */
import { MalformedInterim, TooManyInterim } from './fault.ts'

/** Interim answers for one call: three times the 5 that Go's client allowed (net/http, max1xxResponses). */
export const MAX_INTERIM = 16
/** Bytes of all interim answers of one call together: the bound of a final head. */
export const MAX_INTERIM_BYTES = 32_768

const CR = 13
const LF = 10
const ONE = 49
const ZERO = 48
/** `d`: a digit. */
const STATUS_LINE = 'HTTP/d.d '
/** Bytes up to the end of the status. */
const STATUS_END = STATUS_LINE.length + 3
const END_OF_HEAD = Buffer.from('\r\n\r\n')

const LINE = /^HTTP\/\d\.\d (1\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/
const FIELD = /^([!#$%&'*+\-.^_`|~\w]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/
/** Headers of a body, which an interim answer does not have. */
const FRAMING = /^(?:content-length|trailer)$/i

export interface Interim {
  readonly status: number
  /** Flat list of names and values. */
  readonly headers: readonly string[]
}

export class InterimScan {
  readonly #onInterim: (interim: Interim) => void
  #isExpecting = false
  /** The beginning of a head whose kind or end has not arrived. */
  #partial: Buffer | undefined
  #count = 0
  #bytes = 0

  constructor(onInterim: (interim: Interim) => void) {
    this.#onInterim = onInterim
  }

  /** A new request is sent: the next bytes are the head of its answer. */
  expect(): void {
    this.#isExpecting = true
    this.#partial = undefined
    this.#count = 0
    this.#bytes = 0
  }

  /** The bytes that undici's parser gets; undefined for none. Errors: TooManyInterim, MalformedInterim. */
  take(chunk: Buffer): Buffer | undefined {
    if (!this.#isExpecting) return chunk
    let bytes = this.#partial === undefined ? chunk : Buffer.concat([this.#partial, chunk])
    this.#partial = undefined
    while (bytes.length > 0) {
      bytes = this.#withoutEmptyLines(bytes)
      const kind = kindOf(bytes)
      if (kind === 'other') {
        this.#isExpecting = false
        return bytes
      }
      const end = kind === 'interim' ? bytes.indexOf(END_OF_HEAD) : -1
      if (end === -1) {
        this.#partial = this.#bounded(bytes)
        return undefined
      }
      this.#count++
      this.#spend(end + END_OF_HEAD.length)
      this.#onInterim(parse(bytes.toString('latin1', 0, end)))
      bytes = bytes.subarray(end + END_OF_HEAD.length)
    }
    return undefined
  }

  /** Parsers skip empty lines before a head (RFC 9112, 2.2) without a bound. */
  #withoutEmptyLines(bytes: Buffer): Buffer {
    let at = 0
    while (bytes[at] === CR || bytes[at] === LF) at++
    if (at === 0) return bytes
    this.#spend(at)
    return bytes.subarray(at)
  }

  #bounded(bytes: Buffer): Buffer | undefined {
    if (this.#bytes + bytes.length > MAX_INTERIM_BYTES) throw new TooManyInterim()
    return bytes.length === 0 ? undefined : bytes
  }

  #spend(bytes: number): void {
    this.#bytes += bytes
    if (this.#count > MAX_INTERIM || this.#bytes > MAX_INTERIM_BYTES) throw new TooManyInterim()
  }
}

/** The kind of head that these bytes begin. `other` includes bytes that are not HTTP, for which the parser makes the error. */
function kindOf(bytes: Buffer): 'interim' | 'other' | 'undecided' {
  // The usual case, tested first: a status that does not begin with 1.
  if (bytes.length > STATUS_LINE.length && bytes[STATUS_LINE.length] !== ONE) return 'other'
  const known = Math.min(bytes.length, STATUS_LINE.length)
  for (let i = 0; i < known; i++) {
    const wanted = STATUS_LINE[i] as string
    const byte = bytes[i] as number
    if (wanted === 'd' ? byte < ZERO || byte > ZERO + 9 : byte !== wanted.charCodeAt(0)) return 'other'
  }
  if (bytes.length < STATUS_END) return 'undecided'
  return bytes.toString('latin1', STATUS_LINE.length, STATUS_END) === '101' ? 'other' : 'interim'
}

function parse(head: string): Interim {
  const [line = '', ...fields] = head.split('\r\n')
  const status = LINE.exec(line)?.[1]
  if (status === undefined) throw new MalformedInterim()
  const headers: string[] = []
  for (const field of fields) {
    const [, name, value] = FIELD.exec(field) ?? []
    if (name === undefined || value === undefined) throw new MalformedInterim()
    if (!FRAMING.test(name)) headers.push(name, value.trimEnd())
  }
  return { status: Number(status), headers }
}
