/**
 * Bodies before their calls go to a lane. A call asks for a place when its body is there, so that a body that is still to
 * come holds neither a place nor a turn. The part of a body beyond what is read ahead is streamed with a lease. Bounded for
 * each body, each tool and all together, by the memory of the process. A body below the least pace is refused. Must not
 * know what a lane says.
 */
import { BodyRoom } from '../capacity/body-memory.ts'
import type { Coming } from '../capacity/body-memory.ts'
import type { Routed, Told } from './routed.ts'
import { STREAM_BYTES, uploadOf } from './routed.ts'
import { mostHeldBytes } from '../capacity/held-bytes.ts'
import type { Clock, Timer } from '../time/clock.ts'
import type { Tool } from '../tools/tools.ts'
import type { Upload } from '../upstream/upload.ts'

/** Bytes of one body that are read ahead: what agents ask tools for is shorter, attachments are not. */
export const AHEAD_BYTES = 1_048_576
/** Bytes that a piece costs beside its own: pieces of one byte would cost a hundred times what they hold. */
const PIECE_BYTES = 256
/** Milliseconds between two looks at whether a body that waits for memory may go on. */
const LOOK_MS = 250

const GAVE_WAY = 'its body was still coming when the memory for bodies was used up'

/** Why a caller is answered before its call came to its lane. */
export type NoBody = 'BODY_TOO_LARGE' | 'REQUEST_TIMEOUT' | 'PROXY_OVERLOADED'

export interface IntakeParts {
  readonly clock: Clock
  /** Asks the lane. */
  readonly admit: (routed: Routed) => void
  readonly refuse: (routed: Routed, reason: NoBody, told: Told) => void
  /** Milliseconds after which a caller may come back when nobody knows how long it takes. */
  readonly comeBackMs: (tool: Tool) => number
  /** The caller left. */
  readonly cancelled: (routed: Routed) => void
  /** Bytes of all bodies together; unless given, by the memory of the process. */
  readonly mostBytes?: number
}

export type Arrived =
  /** Whole, or as much as is read ahead. */
  { readonly kind: 'here'; readonly upload: Upload } | { readonly kind: NoBody } | { readonly kind: 'gone' }

export class Intake {
  readonly #parts: IntakeParts
  readonly #room: BodyRoom

  constructor(parts: IntakeParts) {
    this.#parts = parts
    this.#room = new BodyRoom(parts.mostBytes ?? mostHeldBytes(process.constrainedMemory()))
  }

  /** Bytes held now. */
  get bytes(): number {
    return this.#room.bytes
  }

  /** Reads the body of a call, and asks the lane for it then. */
  take(routed: Routed): void {
    const { clock, admit, refuse, cancelled, comeBackMs } = this.#parts
    const { call, containment } = routed
    // A call that would be refused is refused at once, without its body.
    if (isRefusedNow(routed, clock.nowMs())) return admit(routed)
    if (call.expectsContinue) call.response.writeContinue()
    const asked = { ...routed, call: { ...call, expectsContinue: false } }
    const onArrived = (arrived: Arrived): void => {
      if (arrived.kind === 'here')
        admit({ ...asked, earlyUpload: arrived.upload, enteredAtMs: clock.nowMs() })
      else if (arrived.kind === 'gone') cancelled(asked)
      else if (arrived.kind !== 'PROXY_OVERLOADED') refuse(asked, arrived.kind, {})
      else refuse(asked, arrived.kind, { retryAfterMs: comeBackMs(routed.tool), detail: GAVE_WAY })
    }
    this.read(asked, containment.around(onArrived))
  }

  /** For a call that was expected to be refused and now waits in the lane: its body is streamed. */
  beside(routed: Routed): Upload | undefined {
    const { call, hasBody, body } = routed
    if (!hasBody || call.request.complete || call.expectsContinue || body !== undefined) return undefined
    return uploadOf(routed, STREAM_BYTES, this.#parts.clock)
  }

  /** Calls `done` once. What was read counts until the response is over. */
  read(routed: Routed, done: (arrived: Arrived) => void): void {
    const { call, tool } = routed
    const { request, response } = call
    const upload = uploadOf(routed, AHEAD_BYTES, this.#parts.clock)
    let bytes = 0
    let timer: Timer | undefined
    const end = (arrived: Arrived): void => {
      this.#room.leave(body)
      timer?.clear()
      request.off('data', onData).off('end', onEnd)
      response.off('close', onClose)
      upload.onSlow = undefined
      if (arrived.kind !== 'here') {
        upload.abandon()
        giveBack()
      }
      done(arrived)
    }
    const body = this.#coming(tool.tool, () => end({ kind: 'PROXY_OVERLOADED' }))
    const giveBack = (): void => this.#room.hold(body, -body.heldBytes)
    const enough = (): void => {
      upload.pause()
      end({ kind: 'here', upload })
    }
    const goOn = (): void => {
      const space = this.#room.spaceFor(body, this.#parts.clock.nowMs())
      if (space === 'none') return enough()
      if (space === 'room') return upload.goOn()
      upload.pause()
      timer = this.#parts.clock.after(LOOK_MS, routed.containment.around(goOn))
    }
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length
      this.#room.hold(body, chunk.length + PIECE_BYTES)
      if (bytes > tool.settings.maxBodyBytes) end({ kind: 'BODY_TOO_LARGE' })
      else if (body.heldBytes >= AHEAD_BYTES) enough()
      else goOn()
    }
    const onEnd = (): void => end({ kind: 'here', upload })
    const onClose = (): void => end({ kind: 'gone' })
    upload.onSlow = () => end({ kind: 'REQUEST_TIMEOUT' })
    request.on('data', onData).on('end', onEnd)
    response.once('close', onClose).once('close', giveBack)
  }

  #coming(tool: string, giveWay: () => void): Coming {
    const body = { tool, sinceMs: this.#parts.clock.nowMs(), heldBytes: 0, giveWay }
    this.#room.enter(body)
    return body
  }
}

/** By what the lane knows now, for any agent. */
function isRefusedNow({ tool, priority }: Routed, nowMs: number): boolean {
  return tool.gate.lane.wouldRefuse(priority, nowMs)
}
