/**
 * One request's way to the tool and back, streaming both ways. The END of the body settles the lease, whoever ends it:
 * the tool, the caller who left, or the lane that reclaims a silent lease. All ends meet in `#end`, once.
 * Must not know of queues, replies or metrics: it tells them through the exchange.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { LeaseEnd } from '../lane/lease.ts'
import type { Fault, Outcome, Reason } from '../lane/reason.ts'
import type { Pushback } from '../lane/throttle.ts'
import { Answer } from './answer.ts'
import { hasForeignCoding, headFor } from './answer-head.ts'
import { Stopped, Unsendable } from './fault.ts'
import { isEventStream, toCaller, trailerPairs } from './headers.ts'
import { ContainedHandler } from './contained-handler.ts'
import type { Handler } from './contained-handler.ts'
import type { Exchange, Held } from './exchange.ts'
import { passInterim } from './interim.ts'
import type { Interim } from './interim.ts'
import { breakOf, verdictOf } from './outcome.ts'
import type { Connections } from './pool.ts'
import { pushbackOf } from './pushback.ts'
import { Sending } from './sending.ts'
import { ToolTime } from './tool-time.ts'
import { isSwitchedTo, refusedSwitch, tunnel } from './upgrade.ts'
import { BodyTooLarge, BodyTooSlow, endAfterBody } from './upload.ts'
import type { Wire } from './wire.ts'

/** Sends the request; everything that follows is told through the exchange. */
export function forward(connections: Connections, exchange: Exchange): void {
  new Forwarding(connections, exchange).start()
}

/** Why we ourselves gave up the upstream request. */
type Stop = 'left' | 'reclaimed'

class Forwarding implements Handler, Held {
  readonly #sending: Sending
  readonly #exchange: Exchange
  readonly #contained: ContainedHandler
  readonly #time: ToolTime
  #controller: Dispatcher.DispatchController | undefined
  #stop: Stop | undefined
  #isEnded = false
  #isCallerGone = false
  #status = 0
  #pushback: Pushback | undefined
  readonly #answer: Answer
  /** The tool is the one to move: nothing of the request is left with the caller. */
  #isSent: boolean
  #isEventStream = false

  constructor(connections: Connections, exchange: Exchange) {
    this.#sending = new Sending(connections, exchange)
    this.#exchange = exchange
    this.#contained = new ContainedHandler(this, exchange)
    this.#answer = new Answer(exchange)
    this.#time = new ToolTime(() => exchange.nowMs())
    this.#isSent = exchange.upload === undefined
  }

  start(): void {
    const { response, slot, upload } = this.#exchange
    this.#exchange.holds(this)
    slot.onReclaimed(this.#exchange.contained(() => this.#giveUp('reclaimed')))
    const onClose = this.#exchange.contained(() => this.#onClose())
    response.on('close', onClose)
    upload?.renews(slot)
    this.#sending.send(this.#contained)
  }

  onWire(wire: Wire): void {
    this.#sending.over(wire)
  }

  /** Passes; renews no lease, since a tool that has nothing else to say could hold it for ever. */
  onInterim(interim: Interim): void {
    if (!this.#isCallerGone) passInterim(this.#exchange.response, interim)
  }

  get mayHaveRun(): boolean {
    return this.#controller !== undefined || this.#sending.isAgain
  }

  giveBack(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#stop = 'left'
    try {
      this.#exchange.slot.settle({ cause: 'failed', verdict: 'ignored' })
    } finally {
      this.#controller?.abort(new Stopped('left'))
      this.#abandonUpload()
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    this.#sending.starts()
    if (this.#stop !== undefined) controller.abort(new Stopped(this.#stop))
  }

  /** undici: a piece of the body went out to the tool, which therefore reads. */
  onBodySent(): void {
    const { slot, upload } = this.#exchange
    slot.renew()
    if (upload?.isBackedUp() === false) slot.waitsFor('caller')
  }

  /** undici: the request, with its body, is written. */
  onRequestSent(): void {
    if (this.#exchange.upload === undefined) return
    this.#exchange.slot.waitsFor('tool')
    this.#isSent = true
    this.#time.sent()
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    { 'keep-alive': keepAlive }: IncomingHttpHeaders,
    statusText?: string,
  ): void {
    const { slot, request, tool, queuedMs } = this.#exchange
    if (status < 200) return
    this.#sending.answered(keepAlive)
    slot.renew()
    const raw = (controller.rawHeaders ?? []) as Buffer[]
    if (hasForeignCoding(raw))
      return controller.abort(new Unsendable("the answer's transfer coding was not asked for"))
    this.#status = status
    const upstreamMs = this.#time.answered()
    this.#exchange.answered(status, upstreamMs)
    slot.answered(upstreamMs)
    const headers = toCaller(raw)
    this.#pushback = pushbackOf(status, headers)
    if (this.#pushback === undefined && verdictOf(status) !== 'dropped') slot.accepted()
    this.#exchange.watch?.head(status, headers)
    if (this.#isCallerGone) return
    this.#isEventStream = isEventStream(headers)
    headers.push('Server-Timing', `queue;dur=${queuedMs.toFixed(1)}, upstream;dur=${upstreamMs.toFixed(1)}`)
    headers.push('X-Spillway-Tool', tool)
    const head = headFor(request, { status, text: statusText ?? '', headers })
    this.#answer.begin(head, this.#exchange.mayRetry(status))
  }

  /** The tool switched protocols: from here on bytes are only carried, and the lease lasts as long as they flow. */
  onRequestUpgrade(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    socket: Duplex,
  ): void {
    const { upgrade } = this.#exchange
    if (upgrade === undefined || this.#isCallerGone) {
      socket.destroy()
      return this.#end(this.#endOnLeaving(), 'cancelled')
    }
    const raw = (controller.rawHeaders ?? []) as Buffer[]
    if (!isSwitchedTo(upgrade.protocol, raw)) {
      return this.onResponseError(controller, refusedSwitch(socket))
    }
    this.#isEnded = true
    this.#exchange.slot.accepted()
    this.#exchange.answered(status, this.#time.heldMs())
    tunnel({ exchange: this.#exchange, upgrade, toTool: socket, raw, time: this.#time })
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const { slot, watch } = this.#exchange
    this.#sending.fruitful()
    slot.renew()
    watch?.chunk(chunk, this.#elapsedMs())
    if (!this.#isCallerGone) this.#answer.write(chunk, controller)
    else if (!this.#answer.lose(chunk)) this.#giveUp('left')
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    const { request, response } = this.#exchange
    this.#sending.end()
    const verdict = verdictOf(this.#status)
    const tookMs = this.#isEventStream ? this.#time.firstByteMs() : this.#elapsedMs()
    const latencyMs = verdict === 'ok' ? tookMs : undefined
    const end: LeaseEnd = { cause: 'completed', verdict, latencyMs, pushback: this.#pushback }
    const trailers = trailerPairs(toCaller((controller.rawTrailers ?? []) as Buffer[]))
    if (this.#answer.isHeld && !this.#isCallerGone) return this.#endHeld(end, trailers)
    if (!this.#isCallerGone) {
      this.#answer.trailers(trailers)
      this.#abandonUpload()
      endAfterBody(request, response)
    }
    this.#end(end, this.#isCallerGone ? 'cancelled' : 'completed')
  }

  onResponseError(_controller: unknown, error: Error): void {
    const { request, upload } = this.#exchange
    if (this.#isEnded) return
    if (this.#stop === 'reclaimed') this.#break({ cause: 'failed', verdict: 'ignored' }, 'LEASE_EXPIRED')
    else if (this.#stop === 'left' || (upload !== undefined && request.destroyed && !request.complete)) {
      this.#end(this.#endOnLeaving(), 'cancelled')
    } else if (error instanceof BodyTooLarge || error instanceof BodyTooSlow) {
      const reason = error instanceof BodyTooLarge ? 'BODY_TOO_LARGE' : 'REQUEST_TIMEOUT'
      this.#break({ cause: 'failed', verdict: 'ignored' }, reason)
    } else if (!this.#goAgain()) {
      const isSent = upload === undefined || upload.body.readableEnded
      const { verdict, reason, fault } = breakOf(error, { phase: this.#phase, isSent })
      this.#break({ cause: 'failed', verdict }, reason, fault)
    }
  }

  get #phase(): Fault['phase'] {
    // A request that went out before may have had an effect, whatever becomes of its second way.
    if (this.#controller === undefined && !this.#sending.isAgain) return 'connect'
    return this.#status === 0 ? 'head' : 'body'
  }

  #goAgain(): boolean {
    if (this.#controller === undefined || this.#status !== 0 || this.#isCallerGone) return false
    if (!this.#sending.tryAgain(this.#contained)) return false
    // A new connection comes later than now.
    this.#controller = undefined
    return true
  }

  #onClose(): void {
    const { request, response, onClientGone, slot, upgrade } = this.#exchange
    if (this.#isEnded || response.writableFinished) return
    this.#isCallerGone = true
    this.#time.callerLeft()
    // A call can only be finished without its caller once the whole request is there.
    if (onClientGone === 'cancel' || !request.complete || upgrade !== undefined) this.#giveUp('left')
    else if (this.#controller?.paused === true) {
      slot.waitsFor('tool')
      this.#controller.resume()
    }
  }

  /**
   * undici answers an abort with onResponseError at once. An attempt to connect cannot be aborted: the lease of a caller
   * who left lasts until it is over, else leaving callers would pile up sockets beyond the limit.
   */
  #giveUp(stop: Stop): void {
    if (this.#isEnded) return
    this.#stop = stop
    if (this.#controller !== undefined) this.#controller.abort(new Stopped(stop))
    else if (stop === 'reclaimed') this.onResponseError(undefined, new Stopped(stop))
  }

  /** The lease is over before another try is asked for; without one, the caller gets what the tool said. */
  #endHeld(end: LeaseEnd, trailers: [string, string][]): void {
    this.#isEnded = true
    this.#exchange.slot.settle(end)
    const durationMs = this.#elapsedMs()
    this.#exchange.retry(() => {
      this.#exchange.finished(this.#answer.release(trailers) ? 'completed' : 'cancelled', durationMs)
    })
  }

  /** A caller who left before the tool said anything gave up; the lane decides whether that counts. */
  #endOnLeaving(): LeaseEnd {
    if (this.#status !== 0 || !this.#isSent) return { cause: 'cancelled', verdict: 'ignored' }
    return { cause: 'cancelled', verdict: 'dropped', latencyMs: this.#time.waitedMs() }
  }

  /** The exchange broke: a caller without a head gets a reason, one in the middle of a body sees the connection cut. */
  #break(end: LeaseEnd, reason: Reason, fault?: Fault): void {
    if (fault !== undefined) this.#exchange.failed(fault)
    if (this.#isCallerGone) {
      this.#end(end, 'cancelled')
    } else if (this.#status === 0 || this.#answer.isHeld) {
      this.#isEnded = true
      this.#abandonUpload()
      this.#exchange.slot.settle(end)
      this.#exchange.refuse(reason, fault)
    } else {
      this.#answer.cut()
      this.#end(end, 'broken')
    }
  }

  /** Whoever answers before the body has come whole still has to let its caller finish. */
  #abandonUpload(): void {
    const { request, upload } = this.#exchange
    if (upload === undefined || request.complete || request.destroyed) return
    upload.abandon()
    this.#exchange.linger()
  }

  #end(end: LeaseEnd, outcome: Outcome): void {
    this.#isEnded = true
    this.#exchange.slot.settle(end)
    this.#exchange.finished(outcome, this.#time.heldMs())
  }

  /** Milliseconds of the tool's own time since it has the request. */
  #elapsedMs(): number {
    return this.#time.elapsedMs(this.#answer.callerMs)
  }
}
