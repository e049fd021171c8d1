/**
 * A caller without a socket: a request that the test sends piece by piece, and a record of everything that the call
 * writes back. Behaves as HttpCaller does where a call can notice: a second head and a piece without a head throw, an
 * answer ends only when the request has come whole, and the end of the exchange is told after the call has returned.
 */
import { duplexPair, Readable } from 'node:stream'
import type { Duplex } from 'node:stream'
import type {
  AnswerHead,
  Caller,
  CallerListener,
  CallerRequest,
  RequestHead,
  Tunnel,
} from '../../src/listen/caller.ts'
import { headerValue } from '../../src/upstream/headers.ts'

export interface FakeCallerFacts {
  readonly method?: string
  readonly url?: string
  /** Flat list of names and values, without Host and without the headers that frame the body. */
  readonly headers?: readonly string[]
  readonly peer?: string
  readonly protocol?: string
  readonly httpVersion?: '1.0' | '1.1'
  readonly awaitsContinue?: boolean
  /** A text is there at once. `to come`: the test sends it, chunked. Unless given, the request has no body. */
  readonly body?: string | { readonly toCome: true; readonly declaredBytes?: number }
}

/** What a fake caller throws in place of writing. */
export type Failing = 'head' | 'write' | 'end' | 'cut'

class FakeRequest extends Readable implements CallerRequest {
  readonly method: string
  readonly url: string
  readonly rawHeaders: readonly string[]
  readonly httpVersion: string
  readonly httpVersionMinor: number
  complete = false

  constructor({ method, url, rawHeaders, httpVersion, httpVersionMinor }: Required<RequestHead>) {
    super({ autoDestroy: false })
    this.method = method ?? 'GET'
    this.url = url ?? '/'
    this.rawHeaders = rawHeaders
    this.httpVersion = httpVersion
    this.httpVersionMinor = httpVersionMinor
    // As node's own requests: an error that nobody listens for ends nothing.
    this.on('error', () => undefined)
  }

  override _read(): void {
    // The test pushes.
  }

  send(piece: string | Buffer): void {
    this.push(typeof piece === 'string' ? Buffer.from(piece) : piece)
  }

  finish(): void {
    this.complete = true
    this.push(null)
  }
}

export class FakeCaller implements Caller {
  readonly request: FakeRequest
  readonly peer: string
  readonly protocol: string | undefined
  readonly heads: AnswerHead[] = []
  readonly pieces: Buffer[] = []
  readonly trailers: (readonly [string, string])[] = []
  readonly interims: { readonly status: number; readonly headers: readonly string[] }[] = []
  /** Who was given, or refused, a share of the connections for this caller. */
  readonly holders: string[] = []
  /** The protocol of each switch, and the far end of its connection. */
  readonly tunnels: { readonly protocol: string; readonly farEnd: Duplex }[] = []
  /** How often the body was asked for. */
  proceeds = 0
  isCut = false
  /** Reads nothing until `readUp`. */
  isSlow = false
  /** Whether a holder has a share of the connections left. */
  mayHold: (holder: string) => boolean = () => true
  /** The next call of this verb throws, once. */
  failing: Failing | undefined
  readonly #waiting: (() => void)[] = []
  #awaitsContinue: boolean
  #listener: CallerListener | undefined
  #isEnded = false
  #isFinished = false
  #isGone = false
  #isClosed = false

  constructor(facts: FakeCallerFacts = {}) {
    const { method = 'GET', url = '/t/x', headers = [], httpVersion = '1.1', body } = facts
    const rawHeaders = ['Host', 'spillway.internal', ...headers, ...framing(body)]
    const httpVersionMinor = httpVersion === '1.0' ? 0 : 1
    this.request = new FakeRequest({ method, url, rawHeaders, httpVersion, httpVersionMinor })
    this.peer = facts.peer ?? '127.0.0.1'
    this.protocol = facts.protocol
    this.#awaitsContinue = facts.awaitsContinue ?? false
    if (typeof body === 'object') return
    if (body !== undefined) this.request.send(body)
    this.request.finish()
  }

  get awaitsContinue(): boolean {
    return this.#awaitsContinue
  }

  get isGone(): boolean {
    return this.#isGone
  }

  get answered(): 'none' | 'part' | 'whole' {
    if (this.heads.length === 0 && !this.#isGone) return 'none'
    return this.#isFinished || (this.#isEnded && this.#isGone) ? 'whole' : 'part'
  }

  /** Undefined while no head has come. */
  get status(): number | undefined {
    return this.heads[0]?.status
  }

  get text(): string {
    return Buffer.concat(this.pieces).toString()
  }

  /** The whole answer in JSON. */
  get json(): Record<string, unknown> {
    return JSON.parse(this.text) as Record<string, unknown>
  }

  /** The answer ended whole. */
  get isEnded(): boolean {
    return this.#isEnded
  }

  header(name: string): string | undefined {
    return headerValue(this.heads[0]?.headers ?? [], name)
  }

  listen(listener: CallerListener): void {
    this.#listener = listener
  }

  hold(holder: string): boolean {
    this.holders.push(holder)
    return this.mayHold(holder)
  }

  proceed(): void {
    if (!this.#awaitsContinue) return
    this.#awaitsContinue = false
    this.proceeds++
  }

  interim(status: number, headers: readonly string[]): void {
    this.interims.push({ status, headers })
  }

  head(head: AnswerHead): void {
    this.#failIf('head')
    if (this.heads.length > 0) throw new Error('a second head was to be sent')
    this.heads.push(head)
  }

  write(chunk: Buffer, listener: { onRead(): void }): boolean {
    this.#failIf('write')
    this.#mustBeOpen()
    this.pieces.push(chunk)
    if (this.isSlow) this.#waiting.push(() => listener.onRead())
    return !this.isSlow
  }

  end(last = '', trailers: readonly [string, string][] = []): void {
    this.#failIf('end')
    this.#mustBeOpen()
    if (last !== '') this.pieces.push(Buffer.from(last))
    this.trailers.push(...trailers)
    this.#isEnded = true
    const { request } = this
    if (request.complete || request.destroyed || this.#awaitsContinue) return this.#finish()
    request.once('end', () => this.#finish())
    request.resume()
  }

  cut(): void {
    this.#failIf('cut')
    this.isCut = true
    this.#isGone = true
    this.request.destroy(new Error('aborted'))
    process.nextTick(() => this.#close())
  }

  tunnel(protocol: string, headers: readonly string[]): Tunnel {
    this.head({ status: 101, headers })
    const [socket, farEnd] = duplexPair()
    this.tunnels.push({ protocol, farEnd })
    socket.once('close', () => this.#close())
    return { socket, early: Buffer.alloc(0) }
  }

  /** Its connection closes. */
  leave(): void {
    if (this.#isClosed) return
    this.#isGone = true
    this.request.destroy(new Error('aborted'))
    this.#close()
  }

  /** Reads what is there, and is not slow any more. */
  readUp(): void {
    this.isSlow = false
    for (const onRead of this.#waiting.splice(0)) onRead()
  }

  /** Writing fails, as an error of the response stream tells. */
  breakWriting(error: unknown): void {
    this.#listener?.failed(error)
  }

  #finish(): void {
    if (this.isSlow) {
      this.#waiting.push(() => this.#finish())
      return
    }
    process.nextTick(() => {
      this.#isFinished = !this.#isGone
      this.#close()
    })
  }

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#isGone = true
    this.#listener?.closed(this.#isFinished)
  }

  #mustBeOpen(): void {
    if (this.heads.length === 0) throw new Error('a body was to be sent before its head')
    if (this.#isEnded) throw new Error('an answer that had ended was to go on')
  }

  #failIf(verb: Failing): void {
    if (this.failing !== verb) return
    this.failing = undefined
    throw new Error(`made up: ${verb} fails`)
  }
}

function framing(body: FakeCallerFacts['body']): string[] {
  if (body === undefined) return []
  if (typeof body === 'string') return ['Content-Length', String(Buffer.byteLength(body))]
  const { declaredBytes } = body
  return declaredBytes === undefined
    ? ['Transfer-Encoding', 'chunked']
    : ['Content-Length', String(declaredBytes)]
}
