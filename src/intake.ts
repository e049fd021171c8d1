/**
 * Bodies before their calls go to a lane. A call asks for a place when its body is there, so that a body that is still to
 * come holds neither a place nor a turn. The part of a body beyond what is read ahead is streamed with a lease. Bounded for
 * each body, each tool and all together, by the memory of the process. A body below the least pace is refused. Must not
 * know what a lane says.
 */
import type { Routed } from './routed.ts'
import { STREAM_BYTES, uploadOf } from './routed.ts'
import { mostHeldBytes } from './route/held-bytes.ts'
import type { Clock } from './time/clock.ts'
import type { Upload } from './upstream/upload.ts'

/** Bytes of one body that are read ahead: what agents ask tools for is shorter, attachments are not. */
export const AHEAD_BYTES = 1_048_576
/** Of all bytes that are read ahead or wait with their calls, the part for one tool: a busy one leaves room for the others. */
export const TOOL_SHARE = 1 / 4
/** Bytes that a piece costs beside its own: pieces of one byte would cost a hundred times what they hold. */
const PIECE_BYTES = 256

export interface IntakeParts {
  readonly clock: Clock
  /** Asks the lane. */
  readonly admit: (routed: Routed) => void
  readonly refuse: (routed: Routed, reason: 'BODY_TOO_LARGE' | 'REQUEST_TIMEOUT') => void
  /** The caller left. */
  readonly cancelled: (routed: Routed) => void
  /** Bytes of all bodies together; unless given, by the memory of the process. */
  readonly mostBytes?: number
}

export type Arrived =
  /** Whole, or as much as is read ahead. */
  | { readonly kind: 'here'; readonly upload: Upload }
  | { readonly kind: 'BODY_TOO_LARGE' | 'REQUEST_TIMEOUT' }
  | { readonly kind: 'gone' }

export class Intake {
  readonly #parts: IntakeParts
  readonly #mostBytes: number
  #bytes = 0
  /** Keyed by configured names. */
  readonly #toolBytes = new Map<string, number>()

  constructor(parts: IntakeParts) {
    this.#parts = parts
    this.#mostBytes = parts.mostBytes ?? mostHeldBytes(process.constrainedMemory())
  }

  /** Bytes held now. */
  get bytes(): number {
    return this.#bytes
  }

  /** Reads the body of a call, and asks the lane for it then. */
  take(routed: Routed): void {
    const { clock, admit, refuse, cancelled } = this.#parts
    const { call, containment } = routed
    // A call that would be refused is refused at once, without its body.
    if (isRefusedNow(routed, clock.nowMs())) return admit(routed)
    if (call.expectsContinue) call.response.writeContinue()
    const asked = { ...routed, call: { ...call, expectsContinue: false } }
    const onArrived = (arrived: Arrived): void => {
      if (arrived.kind === 'here')
        admit({ ...asked, earlyUpload: arrived.upload, enteredAtMs: clock.nowMs() })
      else if (arrived.kind === 'gone') cancelled(asked)
      else refuse(asked, arrived.kind)
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
    let heldBytes = 0
    const end = (arrived: Arrived): void => {
      request.off('data', onData).off('end', onEnd)
      response.off('close', onClose)
      upload.onSlow = undefined
      if (arrived.kind !== 'here') upload.abandon()
      done(arrived)
    }
    const onData = (chunk: Buffer): void => {
      const costBytes = chunk.length + PIECE_BYTES
      bytes += chunk.length
      heldBytes += costBytes
      const hasRoom = this.#hold(tool.tool, costBytes)
      if (bytes > tool.settings.maxBodyBytes) end({ kind: 'BODY_TOO_LARGE' })
      else if (heldBytes >= AHEAD_BYTES || !hasRoom) {
        upload.pause()
        end({ kind: 'here', upload })
      }
    }
    const onEnd = (): void => end({ kind: 'here', upload })
    const onClose = (): void => end({ kind: 'gone' })
    upload.onSlow = () => end({ kind: 'REQUEST_TIMEOUT' })
    request.on('data', onData).on('end', onEnd)
    response.once('close', onClose)
    response.once('close', () => void this.#hold(tool.tool, -heldBytes))
  }

  /** False when that is more than may be held. The bytes are counted all the same, because they are in memory. */
  #hold(tool: string, bytes: number): boolean {
    const toolBytes = (this.#toolBytes.get(tool) ?? 0) + bytes
    if (toolBytes === 0) this.#toolBytes.delete(tool)
    else this.#toolBytes.set(tool, toolBytes)
    this.#bytes += bytes
    return this.#bytes <= this.#mostBytes && toolBytes <= this.#mostBytes * TOOL_SHARE
  }
}

/** By what the lane knows now, for any agent. */
function isRefusedNow({ tool, priority }: Routed, nowMs: number): boolean {
  const { door } = tool.gate.lane
  const newcomer = { priority, agent: '', ttlMs: tool.settings.lane.ttlMs }
  return !door.takesAtOnce(nowMs) && door.whyNot(newcomer, nowMs) !== undefined
}
