/**
 * One request's way to the tool and back, streaming both ways. The END of the body settles the lease, whoever ends it:
 * the tool, the caller that left, or the lane that reclaims a silent lease. The result is told once, as data.
 * Must not know of queues, replies or metrics.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { LeaseEnd } from '../lane/lease.ts'
import type { Fault, Outcome, Reason } from '../lane/reason.ts'
import type { Pushback } from '../lane/throttle.ts'
import { Answer } from './answer.ts'
import { hasForeignCoding, headFor } from './answer-head.ts'
import type { Attempt, AttemptParts, AttemptResult } from './attempt.ts'
import { ContainedHandler } from './contained-handler.ts'
import type { Handler } from './contained-handler.ts'
import { Stopped, Unsendable } from './fault.ts'
import { isEventStream, toCaller, trailerPairs } from './headers.ts'
import type { Interim } from './interim.ts'
import { breakOf, verdictOf } from './outcome.ts'
import type { Connections } from './pool.ts'
import { pushbackOf } from './pushback.ts'
import { Sending } from './sending.ts'
import { ToolTime } from './tool-time.ts'
import { isSwitchedTo, openTunnel, refusedSwitch } from './upgrade.ts'
import { BodyTooLarge, BodyTooSlow } from './upload.ts'
import type { Wire } from './wire.ts'

/** Why Spillway itself gave the upstream request up. */
type Stop = 'left' | 'reclaimed'

const IGNORED = { cause: 'failed', verdict: 'ignored' } as const

export class Forwarding implements Attempt, Handler {
  readonly #parts: AttemptParts
  readonly #sending: Sending
  readonly #contained: ContainedHandler
  readonly #time: ToolTime
  readonly #answer: Answer
  #controller: Dispatcher.DispatchController | undefined
  #stop: Stop | undefined
  #isEnded = false
  #isCallerGone = false
  #status = 0
  #pushback: Pushback | undefined
  /** The tool is the one to move: nothing of the request is left with the caller. */
  #isSent: boolean
  #isEventStream = false
  /** Ends the tunnel that this attempt has become. */
  #cutTunnel: (() => void) | undefined

  constructor(connections: Connections, parts: AttemptParts) {
    this.#parts = parts
    this.#sending = new Sending(connections, parts)
    this.#contained = new ContainedHandler(this, parts.owner)
    this.#answer = new Answer(parts)
    this.#time = new ToolTime(parts.clock.nowMs)
    this.#isSent = parts.request.upload === undefined
  }

  /** Sends the request; the result is told to the owner. */
  start(): void {
    const { lease, owner, request } = this.#parts
    lease.onReclaimed(owner.contained(() => this.#giveUp('reclaimed')))
    request.upload?.renews(lease)
    this.#sending.send(this.#contained)
  }

  get mayHaveRun(): boolean {
    return this.#controller !== undefined || this.#sending.isAgain
  }

  /** A call can only be finished without its caller once the whole request is there. */
  callerLeft(then: 'cancel' | 'finish'): void {
    if (this.#isEnded) return
    const { request, lease } = this.#parts
    this.#isCallerGone = true
    this.#time.callerLeft()
    const isWhole = request.upload?.isComplete !== false
    if (then === 'cancel' || !isWhole || request.protocol !== undefined) this.#giveUp('left')
    else if (this.#controller?.paused === true) {
      lease.waitsFor('tool')
      this.#controller.resume()
    }
  }

  giveBack(): void {
    if (this.#cutTunnel !== undefined) return this.#cutTunnel()
    if (this.#isEnded) return
    this.#isEnded = true
    this.#stop = 'left'
    try {
      this.#parts.lease.settle(IGNORED)
    } finally {
      this.#controller?.abort(new Stopped('left'))
      this.#abandonUpload()
    }
  }

  onWire(wire: Wire): void {
    this.#sending.over(wire)
  }

  /**
   * Passes; renews no lease, since a tool that has nothing else to say could hold it for ever. 100 ends here: whether the
   * caller may send its body was Spillway's to say.
   */
  onInterim({ status, headers }: Interim): void {
    if (!this.#isCallerGone && status !== 100) this.#parts.caller.interim(status, toCaller(headers))
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    this.#sending.starts()
    if (this.#stop !== undefined) controller.abort(new Stopped(this.#stop))
  }

  /** undici: a piece of the body went out to the tool, which therefore reads. */
  onBodySent(): void {
    const { lease, request } = this.#parts
    lease.renew()
    if (request.upload?.isBackedUp() === false) lease.waitsFor('caller')
  }

  /** undici: the request, with its body, is written. */
  onRequestSent(): void {
    if (this.#parts.request.upload === undefined) return
    this.#parts.lease.waitsFor('tool')
    this.#isSent = true
    this.#time.sent()
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    { 'keep-alive': keepAlive }: IncomingHttpHeaders,
    statusText?: string,
  ): void {
    const { lease, request, owner, watch } = this.#parts
    if (status < 200) return
    this.#sending.answered(keepAlive)
    lease.renew()
    const raw = (controller.rawHeaders ?? []) as Buffer[]
    if (hasForeignCoding(raw))
      return controller.abort(new Unsendable("the answer's transfer coding was not asked for"))
    this.#status = status
    const upstreamMs = this.#time.answered()
    owner.answered(status, upstreamMs)
    lease.answered(upstreamMs)
    const headers = toCaller(raw)
    this.#pushback = pushbackOf(status, headers)
    if (this.#pushback === undefined && verdictOf(status) !== 'dropped') lease.accepted()
    watch?.head(status, headers)
    if (this.#isCallerGone) return
    this.#isEventStream = isEventStream(headers)
    const queuedMs = request.queuedMs.toFixed(1)
    headers.push('Server-Timing', `queue;dur=${queuedMs}, upstream;dur=${upstreamMs.toFixed(1)}`)
    headers.push('X-Spillway-Tool', request.tool)
    const isKept = request.keptBack.includes(status) && this.#canSendAgain()
    this.#answer.begin(headFor(request, { status, text: statusText ?? '', headers }), isKept)
  }

  /** The tool switched protocols: from here on bytes are only carried, and the lease lasts as long as they flow. */
  onRequestUpgrade(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    socket: Duplex,
  ): void {
    const { protocol } = this.#parts.request
    if (protocol === undefined || this.#isCallerGone) {
      socket.destroy()
      return this.#end(this.#endOnLeaving(), 'cancelled')
    }
    const raw = (controller.rawHeaders ?? []) as Buffer[]
    if (!isSwitchedTo(protocol, raw)) return this.onResponseError(controller, refusedSwitch(socket))
    this.#parts.lease.accepted()
    this.#parts.owner.answered(status, this.#time.heldMs())
    try {
      this.#cutTunnel = openTunnel({ parts: this.#parts, protocol, toTool: socket, raw, time: this.#time })
    } catch (error) {
      socket.destroy()
      throw error
    }
    this.#isEnded = true
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const { lease, watch } = this.#parts
    this.#sending.fruitful()
    lease.renew()
    watch?.chunk(chunk, this.#elapsedMs())
    if (!this.#isCallerGone) this.#answer.write(chunk, controller)
    else if (!this.#answer.lose(chunk)) this.#giveUp('left')
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    this.#sending.end()
    const verdict = verdictOf(this.#status)
    const tookMs = this.#isEventStream ? this.#time.firstByteMs() : this.#elapsedMs()
    const latencyMs = verdict === 'ok' ? tookMs : undefined
    const end: LeaseEnd = { cause: 'completed', verdict, latencyMs, pushback: this.#pushback }
    if (this.#isCallerGone) return this.#end(end, 'cancelled')
    const { kept } = this.#answer
    if (kept === undefined) this.#abandonUpload()
    this.#answer.end(trailerPairs(toCaller((controller.rawTrailers ?? []) as Buffer[])))
    if (kept === undefined) this.#end(end, 'completed')
    else this.#over(end, { kind: 'kept', answer: kept, durationMs: this.#elapsedMs() })
  }

  onResponseError(_controller: unknown, error: Error): void {
    if (this.#isEnded) return
    const { upload } = this.#parts.request
    if (this.#stop === 'reclaimed') this.#break(IGNORED, 'LEASE_EXPIRED')
    else if (this.#stop === 'left' || upload?.isBroken === true) this.#end(this.#endOnLeaving(), 'cancelled')
    else if (error instanceof BodyTooLarge) this.#break(IGNORED, 'BODY_TOO_LARGE')
    else if (error instanceof BodyTooSlow) this.#break(IGNORED, 'REQUEST_TIMEOUT')
    else if (!this.#goAgain()) {
      const isSent = upload === undefined || upload.body.readableEnded
      const { verdict, reason, fault } = breakOf(error, { phase: this.#phase, isSent })
      this.#break({ cause: 'failed', verdict }, reason, fault)
    }
  }

  get #phase(): Fault['phase'] {
    // A request that went out before may have had an effect, whatever becomes of its second way.
    if (!this.mayHaveRun) return 'connect'
    return this.#status === 0 ? 'head' : 'body'
  }

  #canSendAgain(): boolean {
    const { upload } = this.#parts.request
    return upload === undefined || upload.whole() !== undefined
  }

  #goAgain(): boolean {
    if (this.#controller === undefined || this.#status !== 0 || this.#isCallerGone) return false
    if (!this.#sending.tryAgain(this.#contained)) return false
    // A new connection comes later than now.
    this.#controller = undefined
    return true
  }

  /**
   * undici answers an abort with onResponseError at once. An attempt to connect cannot be aborted: the lease of a caller
   * that left lasts until it is over, else leaving callers would pile up sockets beyond the limit.
   */
  #giveUp(stop: Stop): void {
    if (this.#isEnded) return
    this.#stop = stop
    if (this.#controller !== undefined) this.#controller.abort(new Stopped(stop))
    else if (stop === 'reclaimed') this.onResponseError(undefined, new Stopped(stop))
  }

  /** A caller that left before the tool said anything gave up; the lane decides whether that counts. */
  #endOnLeaving(): LeaseEnd {
    if (this.#status !== 0 || !this.#isSent) return { cause: 'cancelled', verdict: 'ignored' }
    return { cause: 'cancelled', verdict: 'dropped', latencyMs: this.#time.waitedMs() }
  }

  /** The exchange broke: a caller without a head gets a reason, one in the middle of a body sees the connection cut. */
  #break(end: LeaseEnd, reason: Reason, fault?: Fault): void {
    if (this.#isCallerGone) return this.#end(end, 'cancelled', fault)
    if (this.#status !== 0 && this.#answer.kept === undefined) {
      this.#parts.caller.cut()
      return this.#end(end, 'broken', fault)
    }
    this.#abandonUpload()
    const { mayHaveRun } = this
    const { queuedMs } = this.#parts.request
    this.#over(end, { kind: 'failed', reason, fault, mayHaveRun, queuedMs })
  }

  /** The tool wants no more of a body that has not come whole. */
  #abandonUpload(): void {
    const { upload } = this.#parts.request
    if (upload?.isComplete === false && !upload.isBroken) upload.abandon()
  }

  #end(end: LeaseEnd, outcome: Outcome, fault?: Fault): void {
    this.#over(end, { kind: 'passed', outcome, durationMs: this.#time.heldMs(), fault })
  }

  /** The lease is over before the result is told: the call may ask for another. */
  #over(end: LeaseEnd, result: AttemptResult): void {
    this.#isEnded = true
    this.#parts.lease.settle(end)
    this.#parts.owner.done(result)
  }

  /** Milliseconds of the tool's own time since it has the request. */
  #elapsedMs(): number {
    return this.#time.elapsedMs(this.#answer.callerMs)
  }
}
