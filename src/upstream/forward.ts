/**
 * One request's way to the tool and back, streaming both ways. The END of the body settles the lease, whoever ends it:
 * the tool, the caller who left, or the lane that reclaims a silent lease. All ends meet in `#end`, once.
 * Must not know of queues, replies or metrics: it tells them through the exchange.
 */
import type { Duplex, Transform } from 'node:stream'
import { errors } from 'undici'
import type { Dispatcher, Pool } from 'undici'
import type { LeaseEnd } from '../lane/lease.ts'
import type { Pushback } from '../lane/limit/limiter.ts'
import type { Outcome, Reason } from '../lane/reason.ts'
import { toCaller } from './headers.ts'
import type { Exchange } from './exchange.ts'
import { reasonOf, verdictOf } from './outcome.ts'
import { pushbackOf } from './pushback.ts'
import { tunnel } from './upgrade.ts'
import { BodyTooLarge, openUpload } from './upload.ts'

/** Sends the request; everything that follows is told through the exchange. */
export function forward(pool: Pool, exchange: Exchange): void {
  new Forwarding(pool, exchange).start()
}

/** Why we ourselves gave up the upstream request. */
type Stop = 'left' | 'reclaimed'

class Stopped extends Error {
  readonly code = 'STOPPED'
}

/** May be sent a second time when a kept-alive connection turns out to be closed: without effect, without a body. */
const REPEATABLE = new Set(['GET', 'HEAD', 'OPTIONS'])
const UNPRINTABLE = /[^\t\u0020-\u007e]/

class Forwarding implements Dispatcher.DispatchHandler {
  readonly #pool: Pool
  readonly #exchange: Exchange
  readonly #startedAtMs: number
  #controller: Dispatcher.DispatchController | undefined
  #upload: Transform | undefined
  #stop: Stop | undefined
  #isEnded = false
  #isResent = false
  #isCallerGone = false
  #hasWritten = false
  #status = 0
  #pushback: Pushback | undefined
  /** Milliseconds; from here on the tool's time counts. */
  #sentAtMs: number
  #firstByteAtMs = 0
  #isEventStream = false
  /** Milliseconds in which the caller did not read; not the tool's time. */
  #callerMs = 0
  #pausedAtMs = 0

  constructor(pool: Pool, exchange: Exchange) {
    this.#pool = pool
    this.#exchange = exchange
    this.#startedAtMs = exchange.nowMs()
    this.#sentAtMs = this.#startedAtMs
  }

  start(): void {
    const { request, response, slot, maxBodyBytes, hasBody } = this.#exchange
    slot.onReclaimed(() => this.#giveUp('reclaimed'))
    response.on('close', () => this.#onClose())
    if (hasBody) {
      slot.waitsFor('caller')
      this.#upload = openUpload(request, maxBodyBytes, () => slot.renew())
    }
    this.#dispatch()
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#stop !== undefined) controller.abort(new Stopped(this.#stop))
  }

  /** undici: the request, with its body, is written. */
  onRequestSent(): void {
    if (this.#upload === undefined) return
    this.#exchange.slot.waitsFor('tool')
    this.#sentAtMs = this.#exchange.nowMs()
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    statusText?: string,
  ): void {
    const { slot, response, tool, queuedMs } = this.#exchange
    slot.renew()
    if (status < 200) return
    this.#status = status
    this.#firstByteAtMs = this.#exchange.nowMs()
    const upstreamMs = this.#firstByteAtMs - this.#startedAtMs
    this.#exchange.answered(status, upstreamMs)
    slot.answered(upstreamMs)
    const headers = toCaller((controller.rawHeaders ?? []) as Buffer[])
    this.#pushback = pushbackOf(status, headers)
    if (this.#isCallerGone) return
    this.#isEventStream = isEventStream(headers)
    headers.push('Server-Timing', `queue;dur=${queuedMs.toFixed(1)}, upstream;dur=${upstreamMs.toFixed(1)}`)
    headers.push('X-Spillway-Tool', tool)
    response.writeHead(status, UNPRINTABLE.test(statusText ?? '') ? '' : (statusText ?? ''), headers)
    // Head and body mostly come together and then leave together; a head that comes alone must not wait for a body.
    process.nextTick(() => {
      if (!this.#hasWritten && !this.#isEnded) response.flushHeaders()
    })
  }

  /** The tool switched protocols: from here on bytes are only carried, and the lease lasts as long as they flow. */
  onRequestUpgrade(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    socket: Duplex,
  ): void {
    this.#isEnded = true
    const { upgrade } = this.#exchange
    if (upgrade === undefined || this.#stop !== undefined) {
      socket.destroy()
      return
    }
    this.#exchange.answered(status, this.#exchange.nowMs() - this.#startedAtMs)
    const raw = (controller.rawHeaders ?? []) as Buffer[]
    tunnel({ exchange: this.#exchange, upgrade, toTool: socket, raw, startedAtMs: this.#startedAtMs })
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const { slot, response } = this.#exchange
    slot.renew()
    if (this.#isCallerGone) return
    this.#hasWritten = true
    if (response.write(chunk)) return
    controller.pause()
    this.#pausedAtMs = this.#exchange.nowMs()
    slot.waitsFor('caller')
    response.once('drain', () => {
      this.#callerMs += this.#exchange.nowMs() - this.#pausedAtMs
      slot.waitsFor('tool')
      slot.renew()
      controller.resume()
    })
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    const { response } = this.#exchange
    const trailers = (controller.rawTrailers ?? []) as Buffer[]
    if (!this.#isCallerGone) {
      if (trailers.length > 0) response.addTrailers(pairs(toCaller(trailers)))
      response.end()
    }
    const verdict = verdictOf(this.#status)
    const latencyMs = verdict === 'ok' ? this.#latencyMs() : undefined
    const end: LeaseEnd = { cause: 'completed', verdict, latencyMs, pushback: this.#pushback }
    this.#end(end, this.#isCallerGone ? 'cancelled' : 'completed')
  }

  onResponseError(_controller: unknown, error: Error): void {
    const { request } = this.#exchange
    if (this.#isEnded) return
    if (this.#stop === 'reclaimed') this.#break({ cause: 'failed', verdict: 'ignored' }, 'LEASE_EXPIRED')
    else if (
      this.#stop === 'left' ||
      (this.#upload !== undefined && request.destroyed && !request.complete)
    ) {
      this.#end({ cause: 'cancelled', verdict: 'ignored' }, 'cancelled')
    } else if (error instanceof BodyTooLarge) {
      this.#break({ cause: 'failed', verdict: 'ignored' }, 'BODY_TOO_LARGE')
    } else if (this.#mayResend(error)) this.#resend()
    else {
      const wasInvalid =
        error instanceof errors.InvalidArgumentError || error instanceof errors.NotSupportedError
      const reason = reasonOf({ wasStarted: this.#controller !== undefined, wasInvalid })
      const verdict = wasInvalid ? 'ignored' : 'dropped'
      this.#break({ cause: 'failed', verdict }, reason)
    }
  }

  #dispatch(): void {
    const { request, path, headers, upgrade } = this.#exchange
    const method = request.method ?? 'GET'
    this.#pool.dispatch(
      { path, method, headers, body: this.#upload ?? null, upgrade: upgrade?.protocol ?? null },
      this,
    )
  }

  #onClose(): void {
    const { request, response, onClientGone, slot } = this.#exchange
    if (this.#isEnded || response.writableFinished) return
    this.#isCallerGone = true
    // A call can only be finished without its caller once the whole request is there.
    if (onClientGone === 'cancel' || !request.complete) this.#giveUp('left')
    else if (this.#controller?.paused === true) {
      slot.waitsFor('tool')
      this.#controller.resume()
    }
  }

  /** undici answers an abort with onResponseError at once; before it has a connection there is nothing to abort yet. */
  #giveUp(stop: Stop): void {
    if (this.#isEnded) return
    this.#stop = stop
    if (this.#controller === undefined) this.onResponseError(undefined, new Stopped(stop))
    else this.#controller.abort(new Stopped(stop))
  }

  /** A kept-alive connection that the tool had closed: the tool never saw the request, so this is not a retry. */
  #mayResend(error: Error): boolean {
    const wasReused = error instanceof errors.SocketError && (error.socket?.bytesRead ?? 0) > 0
    return (
      wasReused &&
      !this.#isResent &&
      this.#status === 0 &&
      this.#upload === undefined &&
      REPEATABLE.has(this.#exchange.request.method ?? '')
    )
  }

  #resend(): void {
    this.#isResent = true
    this.#controller = undefined
    this.#dispatch()
  }

  /** The exchange broke: a caller without a head gets a reason, one in the middle of a body sees the connection cut. */
  #break(end: LeaseEnd, reason: Reason): void {
    if (this.#isCallerGone) {
      this.#end(end, 'cancelled')
    } else if (this.#status === 0) {
      this.#isEnded = true
      this.#exchange.slot.settle(end)
      this.#exchange.refuse(reason)
    } else {
      this.#exchange.response.destroy()
      this.#end(end, 'broken')
    }
  }

  #end(end: LeaseEnd, outcome: Outcome): void {
    this.#isEnded = true
    this.#exchange.slot.settle(end)
    this.#exchange.finished(outcome, this.#exchange.nowMs() - this.#startedAtMs)
  }

  /** A stream's tool has answered when its first byte is there; otherwise the whole answer counts. */
  #latencyMs(): number {
    if (this.#isEventStream) return this.#firstByteAtMs - Math.min(this.#sentAtMs, this.#firstByteAtMs)
    return Math.max(0, this.#exchange.nowMs() - this.#sentAtMs - this.#callerMs)
  }
}

function isEventStream(headers: readonly string[]): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    if (name.length === 12 && name.toLowerCase() === 'content-type') {
      return (headers[i + 1] as string).toLowerCase().startsWith('text/event-stream')
    }
  }
  return false
}

function pairs(flat: readonly string[]): [string, string][] {
  const out: [string, string][] = []
  for (let i = 0; i < flat.length; i += 2) out.push([flat[i] as string, flat[i + 1] as string])
  return out
}
