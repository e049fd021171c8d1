/**
 * The configured tools with their real gates and settings, and without sockets: a request that goes to a tool is handed
 * to the test, which answers it in the tool's place through undici's handler. Configuration is the text of tools.yaml.
 */
import { Readable } from 'node:stream'
import type { Duplex } from 'node:stream'
import type { Dispatcher } from 'undici'
import { planReload } from '../../src/config/reload.ts'
import type { Settings } from '../../src/config/settings.ts'
import { Tools } from '../../src/tools/tools.ts'
import type { Tool } from '../../src/tools/tool.ts'
import type { ToolsParts } from '../../src/tools/tools.ts'
import type { Handler } from '../../src/upstream/contained-handler.ts'
import { headerValue } from '../../src/upstream/headers.ts'
import type { ToolPool } from '../../src/upstream/tool-pool.ts'
import type { ToolConnection, ConnectionUser } from '../../src/upstream/tool-connection.ts'
import { settingsIn } from '../config/reading.ts'

class FakeController implements Dispatcher.DispatchController {
  paused = false
  aborted = false
  reason: Error | null = null
  rawHeaders: Buffer[] = []
  rawTrailers: Buffer[] = []
  readonly #onAbort: (reason: Error) => void

  constructor(onAbort: (reason: Error) => void) {
    this.#onAbort = onAbort
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
  }

  /** undici tells the handler at once. */
  abort(reason: Error): void {
    if (this.aborted) return
    this.aborted = true
    this.reason = reason
    this.#onAbort(reason)
  }
}

/** One request as a tool sees it, and the verbs with which the test answers it. */
export class ToolExchange {
  readonly origin: string
  /** Over a connection that nothing else has used. */
  readonly isFresh: boolean
  readonly options: Dispatcher.DispatchOptions
  readonly user: Handler
  readonly controller: FakeController
  #isStarted = false

  constructor(
    origin: string,
    isFresh: boolean,
    { options, user }: { readonly options: Dispatcher.DispatchOptions; readonly user: ConnectionUser },
  ) {
    this.origin = origin
    this.isFresh = isFresh
    this.options = options
    this.user = user as unknown as Handler
    this.controller = new FakeController((reason) => this.user.onResponseError(this.controller, reason))
  }

  get path(): string {
    return this.options.path
  }

  /** Spillway gave it up. */
  get isAborted(): boolean {
    return this.controller.aborted
  }

  header(name: string): string | undefined {
    return headerValue(this.options.headers as string[], name)
  }

  /** The connection is there and the request goes out. `connection`: what Spillway knows of the connection. */
  start(connection?: Partial<ToolConnection>): this {
    if (this.#isStarted) return this
    this.#isStarted = true
    if (connection !== undefined) this.user.onConnection(connection as ToolConnection)
    this.user.onRequestStart(this.controller)
    return this
  }

  /** Reads the body to its end, as undici writes it. */
  async takeBody(): Promise<string> {
    this.start()
    const { body } = this.options
    if (!(body instanceof Readable)) {
      this.user.onRequestSent()
      return body === null || body === undefined ? '' : (body as Buffer).toString()
    }
    const pieces: Buffer[] = []
    try {
      for await (const piece of body) {
        pieces.push(piece as Buffer)
        this.user.onBodySent()
      }
    } catch (error) {
      this.user.onResponseError(this.controller, error as Error)
      return Buffer.concat(pieces).toString()
    }
    this.user.onRequestSent()
    return Buffer.concat(pieces).toString()
  }

  /** `headers`: flat list. */
  head(status: number, headers: readonly string[] = [], text = ''): this {
    this.start()
    this.controller.rawHeaders = headers.map((each) => Buffer.from(each))
    this.user.onResponseStart(this.controller, status, {}, text)
    return this
  }

  interim(status: number, headers: readonly string[] = []): this {
    this.user.onInterim({ status, headers: [...headers] })
    return this
  }

  data(piece: string | Buffer): this {
    this.user.onResponseData(this.controller, typeof piece === 'string' ? Buffer.from(piece) : piece)
    return this
  }

  /** `trailers`: flat list. */
  end(trailers: readonly string[] = []): void {
    this.controller.rawTrailers = trailers.map((each) => Buffer.from(each))
    this.user.onResponseEnd(this.controller)
  }

  /** The whole answer at once. */
  respond(status: number, body = '', headers: readonly string[] = []): void {
    this.head(status, headers)
    if (body !== '') this.data(body)
    this.end()
  }

  /** The tool switches protocols. */
  upgrade(socket: Duplex, headers: readonly string[] = []): void {
    this.start()
    this.controller.rawHeaders = headers.map((each) => Buffer.from(each))
    this.user.onRequestUpgrade(this.controller, 101, {}, socket)
  }

  /** The way to the tool breaks with this code. */
  fail(code: string): void {
    this.user.onResponseError(this.controller, Object.assign(new Error('made up'), { code }))
  }
}

export interface FakeToolsParts extends Omit<ToolsParts, 'fleet'> {
  readonly fleet?: ToolsParts['fleet']
}

export class FakeTools {
  readonly tools: Tools
  /** Requests that went to tools, in order. */
  readonly exchanges: ToolExchange[] = []
  /** The next dispatch throws. */
  isFailing = false
  readonly #connections = new WeakMap<ToolPool, ToolPool>()
  readonly #known = new WeakSet<Tool>()
  #settings: Settings

  constructor(yaml: string, parts: FakeToolsParts) {
    this.#settings = settingsIn(yaml)
    this.tools = new Tools(this.#settings.tools, { fleet: undefined, ...parts })
    this.#replace()
  }

  tool(name: string): Tool {
    const tool = this.tools.get(name)
    if (tool === undefined) throw new Error(`no tool ${name}`)
    return tool
  }

  /** The last request that went to a tool. */
  get last(): ToolExchange {
    const last = this.exchanges.at(-1)
    if (last === undefined) throw new Error('no tool was called')
    return last
  }

  reload(yaml: string): void {
    const next = settingsIn(yaml)
    this.tools.apply(planReload(this.#settings, next))
    this.#settings = next
    this.#replace()
  }

  /** A tool stays the same object over reloads, with connections of its own for each origin. */
  #replace(): void {
    for (const tool of this.tools.all()) {
      if (this.#known.has(tool)) continue
      this.#known.add(tool)
      const real = (): ToolPool =>
        Reflect.get(Object.getPrototypeOf(tool) as object, 'pool', tool) as ToolPool
      Object.defineProperty(tool, 'pool', { get: () => this.#fakeOf(tool, real()) })
      this.#fakeOf(tool, real())
    }
  }

  #fakeOf({ settings }: Tool, real: ToolPool): ToolPool {
    const known = this.#connections.get(real)
    if (known !== undefined) return known
    const { origin } = settings.upstream
    const take =
      (isFresh: boolean) =>
      (options: Dispatcher.DispatchOptions, user: ConnectionUser): void => {
        if (this.isFailing) throw new Error('made up: dispatch fails')
        this.exchanges.push(new ToolExchange(origin, isFresh, { options, user }))
      }
    const nothing = (): Promise<void> => Promise.resolve()
    const fake = { dispatch: take(false), dispatchFresh: take(true), close: nothing, destroy: nothing }
    this.#connections.set(real, fake as unknown as ToolPool)
    return fake as unknown as ToolPool
  }
}
