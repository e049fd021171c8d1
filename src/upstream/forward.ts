/**
 * One attempt: sends the request to the tool and streams the answer back. The END of the body settles the lease, whether
 * the tool completes it, the caller leaves, or the lane reclaims a silent lease. The owner gets the result once, as data;
 * attempt-end.ts decides how an attempt ends. Must not know of queues, replies or metrics.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { LeaseEnd } from '../lane/lease.ts'
import type { Fault, Outcome } from '../lane/reason.ts'
import type { Pushback } from '../lane/throttle.ts'
import { Answer } from './answer.ts'
import { hasForeignCoding, headFor } from './answer-head.ts'
import type { Attempt, AttemptParts, AttemptResult } from './attempt.ts'
import { IGNORED, completed, endedHere, failedAtTool, leftAfter } from './attempt-end.ts'
import type { Ending, Stop } from './attempt-end.ts'
import { ContainedHandler } from './contained-handler.ts'
import type { Handler } from './contained-handler.ts'
import { Stopped, Unsendable } from './fault.ts'
import { isEventStream, responseHeaders, trailerPairs } from './headers.ts'
import type { Interim } from './interim.ts'
import { verdictOf } from './outcome.ts'
import type { ToolPool } from './tool-pool.ts'
import { pushbackOf } from './pushback.ts'
import { RequestSender } from './request-sender.ts'
import { ToolTime } from './tool-time.ts'
import { isSwitchedTo, openTunnel, refusedSwitch } from './upgrade.ts'
import type { ToolConnection } from './tool-connection.ts'

export class Forwarding implements Attempt, Handler {
  readonly #parts: AttemptParts
  readonly #sender: RequestSender
  readonly #contained: ContainedHandler
  readonly #time: ToolTime
  readonly #answer: Answer
  #controller: Dispatcher.DispatchController | undefined
  #stop: Stop | undefined
  #isEnded = false
  #isCallerGone = false
  #status = 0
  #pushback: Pushback | undefined
  /** The whole request was written, so the tool must act next. */
  #isSent: boolean
  #isEventStream = false
  /** Ends the tunnel that this attempt has become. */
  #cutTunnel: (() => void) | undefined

  constructor(pool: ToolPool, parts: AttemptParts) {
    this.#parts = parts
    this.#sender = new RequestSender(pool, parts)
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
    this.#sender.send(this.#contained)
  }

  get mayHaveRun(): boolean {
    return this.#controller !== undefined || this.#sender.isResent
  }

  /** A call can be completed without its caller only if the caller had sent the whole request. */
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

  onConnection(connection: ToolConnection): void {
    this.#sender.assigned(connection)
  }

  /**
   * Passes an interim answer on. It does not renew the lease, because a tool that sends nothing else could then hold the
   * lease forever. 100 is not passed on, because Spillway itself tells the caller when to send its body.
   */
  onInterim({ status, headers }: Interim): void {
    if (!this.#isCallerGone && status !== 100) this.#parts.caller.interim(status, responseHeaders(headers))
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    this.#sender.starts()
    if (this.#stop !== undefined) controller.abort(new Stopped(this.#stop))
  }

  /** undici: a piece of the body was written, so the tool is reading. */
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
    const { lease, request, owner, observer } = this.#parts
    if (status < 200) return
    this.#sender.answered(keepAlive)
    lease.renew()
    const raw = (controller.rawHeaders ?? []) as Buffer[]
    if (hasForeignCoding(raw))
      return controller.abort(new Unsendable("the answer's transfer coding was not asked for"))
    this.#status = status
    const upstreamMs = this.#time.answered()
    owner.answered(status, upstreamMs)
    lease.answered(upstreamMs)
    const headers = responseHeaders(raw)
    this.#pushback = pushbackOf(status, headers)
    if (this.#pushback === undefined && verdictOf(status) !== 'dropped') lease.accepted()
    observer?.head(status, headers)
    if (this.#isCallerGone) return
    this.#isEventStream = isEventStream(headers)
    const queuedMs = request.queuedMs.toFixed(1)
    headers.push('Server-Timing', `queue;dur=${queuedMs}, upstream;dur=${upstreamMs.toFixed(1)}`)
    headers.push('X-Spillway-Tool', request.tool)
    const isHeld = request.heldStatuses.includes(status) && this.#canSendAgain()
    this.#answer.begin(headFor(request, { status, text: statusText ?? '', headers }), isHeld)
  }

  /** The tool switched protocols: the connection becomes a tunnel, and the lease lasts as long as the tunnel. */
  onRequestUpgrade(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    socket: Duplex,
  ): void {
    const { protocol } = this.#parts.request
    if (protocol === undefined || this.#isCallerGone) {
      socket.destroy()
      return this.#leave()
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
    const { lease, observer } = this.#parts
    this.#sender.progressed()
    lease.renew()
    observer?.chunk(chunk, this.#elapsedMs())
    if (!this.#isCallerGone) this.#answer.write(chunk, controller)
    else if (!this.#answer.discard(chunk)) this.#giveUp('left')
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    this.#sender.end()
    const tookMs = this.#isEventStream ? this.#time.firstByteMs() : this.#elapsedMs()
    const end = completed(this.#status, tookMs, this.#pushback)
    if (this.#isCallerGone) return this.#end(end, 'cancelled')
    const { held } = this.#answer
    if (held === undefined) this.#abandonUpload()
    this.#answer.end(trailerPairs(responseHeaders((controller.rawTrailers ?? []) as Buffer[])))
    if (held === undefined) this.#end(end, 'completed')
    else this.#over(end, { kind: 'held', answer: held, durationMs: this.#elapsedMs() })
  }

  onResponseError(_controller: unknown, error: Error): void {
    if (this.#isEnded) return
    const { upload } = this.#parts.request
    const ending = endedHere(error, { stop: this.#stop, upload })
    if (ending !== undefined) this.#finish(ending)
    else if (!this.#goAgain()) this.#finish(failedAtTool(error, { phase: this.#phase, upload }))
  }

  get #phase(): Fault['phase'] {
    // A request that was sent once may have had an effect, even if sending it again failed at the connection.
    if (!this.mayHaveRun) return 'connect'
    return this.#status === 0 ? 'head' : 'body'
  }

  #canSendAgain(): boolean {
    const { upload } = this.#parts.request
    return upload === undefined || upload.whole() !== undefined
  }

  #goAgain(): boolean {
    if (this.#controller === undefined || this.#status !== 0 || this.#isCallerGone) return false
    if (!this.#sender.resend(this.#contained)) return false
    // undici calls onRequestStart again once the new connection is open.
    this.#controller = undefined
    return true
  }

  /**
   * undici calls onResponseError synchronously on abort. Connecting cannot be aborted. The lease of a caller that left
   * therefore lasts until connecting is over; otherwise such callers could open more sockets than the lane's limit.
   */
  #giveUp(stop: Stop): void {
    if (this.#isEnded) return
    this.#stop = stop
    if (this.#controller !== undefined) this.#controller.abort(new Stopped(stop))
    else if (stop === 'reclaimed') this.onResponseError(undefined, new Stopped(stop))
  }

  #leave(): void {
    const end = leftAfter(this.#time.waitedMs(), { status: this.#status, isSent: this.#isSent })
    this.#end(end, 'cancelled')
  }

  /** The answer is not complete: a caller without a head gets a reason; a caller with a head gets its connection cut. */
  #finish(ending: Ending): void {
    if (ending.kind === 'left') return this.#leave()
    const { lease, reason, fault } = ending
    if (this.#isCallerGone) return this.#end(lease, 'cancelled', fault)
    if (this.#status !== 0 && this.#answer.held === undefined) {
      this.#parts.caller.cut()
      return this.#end(lease, 'broken', fault)
    }
    this.#abandonUpload()
    const { mayHaveRun } = this
    const { queuedMs } = this.#parts.request
    this.#over(lease, { kind: 'failed', reason, fault, mayHaveRun, queuedMs })
  }

  /** Stops an incomplete upload that the tool will not read. */
  #abandonUpload(): void {
    const { upload } = this.#parts.request
    if (upload?.isComplete === false && !upload.isBroken) upload.abandon()
  }

  #end(end: LeaseEnd, outcome: Outcome, fault?: Fault): void {
    this.#over(end, { kind: 'passed', outcome, durationMs: this.#time.heldMs(), fault })
  }

  /** Settles the lease before the owner gets the result, because the owner may request another lease. */
  #over(end: LeaseEnd, result: AttemptResult): void {
    this.#isEnded = true
    this.#parts.lease.settle(end)
    this.#parts.owner.done(result)
  }

  /** Milliseconds since the request was written, without those in which the caller did not read. */
  #elapsedMs(): number {
    return this.#time.elapsedMs(this.#answer.callerMs)
  }
}
