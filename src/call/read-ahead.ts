/**
 * Bodies before their calls go to a lane. A call asks for a place when its body is there, so that a body that is still to
 * come holds neither a place nor a turn. The part of a body beyond what is read ahead is streamed with a lease. Bounded
 * for each body, each tool and all together, by the memory of the process. A body below the least pace is refused.
 * Must not know what a lane says.
 */
import { ReadAheadMemory } from '../capacity/read-ahead-memory.ts'
import type { IncomingBody } from '../capacity/read-ahead-memory.ts'
import { maxBodyMemoryBytes } from '../capacity/message-memory.ts'
import type { Clock, Timer } from '../time/clock.ts'
import type { Upload } from '../upstream/upload.ts'
import { openUpload, STREAM_BYTES } from './body.ts'
import type { Call } from './call.ts'
import type { CallRefusal, Replies } from './replies.ts'

/** Bytes of one body that are read ahead: what agents ask tools for is shorter, attachments are not. */
export const AHEAD_BYTES = 1_048_576
/** Bytes that a piece costs beside its own: pieces of one byte would cost a hundred times what they hold. */
const PIECE_BYTES = 256
/** Milliseconds between two looks at whether a body that waits for memory may go on. */
const LOOK_MS = 250

const GAVE_WAY = 'its body was still coming when the memory for bodies was used up'

export interface ReadAheadParts {
  readonly clock: Clock
  readonly replies: Pick<Replies, 'untilReplacedMs'>
  /** Bytes of all bodies together; unless given, by the memory of the process. */
  readonly maxBytes?: number
}

export class ReadAhead {
  readonly #clock: Clock
  readonly #replies: ReadAheadParts['replies']
  readonly #memory: ReadAheadMemory

  constructor({ clock, replies, maxBytes }: ReadAheadParts) {
    this.#clock = clock
    this.#replies = replies
    this.#memory = new ReadAheadMemory(maxBytes ?? maxBodyMemoryBytes(process.constrainedMemory()))
  }

  /** Bytes held now. */
  get bytes(): number {
    return this.#memory.bytes
  }

  /** Lets the body of a call come that waits in its lane without having been read. */
  beside(call: Call): void {
    const { body, caller } = call
    if (body.kind !== 'unread' || caller.request.complete || caller.awaitsContinue) return
    call.body = { kind: 'streamed', upload: openUpload(call, STREAM_BYTES, this.#clock), bytes: body.bytes }
  }

  /**
   * Reads the body and calls `done` once, unless the caller leaves before: with a refusal, or without one when the body is
   * here, whole or as much as is read ahead. What was read counts until the exchange with the caller is over.
   */
  read(call: Call, done: (refused?: CallRefusal) => void): void {
    call.caller.proceed()
    new BodyReading(call, done, { clock: this.#clock, memory: this.#memory, replies: this.#replies }).start()
  }
}

interface BodyReadingParts {
  readonly clock: Clock
  readonly memory: ReadAheadMemory
  readonly replies: Pick<Replies, 'untilReplacedMs'>
}

/** One body that is being read ahead. */
class BodyReading implements IncomingBody {
  readonly tool: string
  readonly sinceMs: number
  heldBytes = 0
  readonly #call: Call
  readonly #done: (refused?: CallRefusal) => void
  readonly #parts: BodyReadingParts
  readonly #upload: Upload
  readonly #onData: (chunk: Buffer) => void
  readonly #onEnd: () => void
  #bytes = 0
  #isOver = false
  #timer: Timer | undefined

  constructor(call: Call, done: (refused?: CallRefusal) => void, parts: BodyReadingParts) {
    this.#call = call
    this.#done = done
    this.#parts = parts
    this.tool = call.tool.tool
    this.sinceMs = parts.clock.nowMs()
    this.#upload = openUpload(call, AHEAD_BYTES, parts.clock)
    this.#onData = call.contained((chunk) => this.#came(chunk))
    this.#onEnd = call.contained(() => this.#here())
  }

  start(): void {
    const { caller } = this.#call
    this.#parts.memory.enter(this)
    this.#upload.onSlow = () => this.#refuse({ reason: 'REQUEST_TIMEOUT' })
    caller.request.on('data', this.#onData).on('end', this.#onEnd)
    // The caller leaves, or an error ends the call: nobody waits for the body any more.
    this.#call.whenEnded(() => {
      if (!this.#isOver) this.#upload.abandon()
      this.#stop()
    })
    this.#call.whenClosed(() => this.#giveBack())
  }

  giveWay(): void {
    const retryAfterMs = this.#parts.replies.untilReplacedMs(this.#call.tool)
    this.#refuse({ reason: 'PROXY_OVERLOADED', retryAfterMs, detail: GAVE_WAY })
  }

  #came(chunk: Buffer): void {
    this.#bytes += chunk.length
    this.#parts.memory.hold(this, chunk.length + PIECE_BYTES)
    if (this.#bytes > this.#call.tool.settings.maxBodyBytes) this.#refuse({ reason: 'BODY_TOO_LARGE' })
    else if (this.heldBytes >= AHEAD_BYTES) this.#enough()
    else this.#goOn()
  }

  #goOn(): void {
    const { memory, clock } = this.#parts
    const space = memory.spaceFor(this, clock.nowMs())
    if (space === 'none') return this.#enough()
    if (space === 'room') return this.#upload.goOn()
    this.#upload.pause()
    const again = this.#call.contained(() => this.#goOn())
    this.#timer = clock.after(LOOK_MS, again)
  }

  #enough(): void {
    this.#upload.pause()
    this.#here()
  }

  #here(): void {
    if (this.#isOver) return
    this.#stop()
    const call = this.#call
    const bytes = call.body.kind === 'unread' ? call.body.bytes : undefined
    call.body = { kind: 'streamed', upload: this.#upload, bytes }
    this.#done()
  }

  /** The body of another call may be the cause, so that an error here must end this call. */
  #refuse(refusal: CallRefusal): void {
    if (this.#isOver) return
    this.#call.try(() => {
      this.#stop()
      this.#upload.abandon()
      this.#giveBack()
      this.#done(refusal)
    })
  }

  #stop(): void {
    this.#isOver = true
    this.#parts.memory.leave(this)
    this.#timer?.clear()
    this.#call.caller.request.off('data', this.#onData).off('end', this.#onEnd)
    this.#upload.onSlow = undefined
  }

  #giveBack(): void {
    this.#parts.memory.hold(this, -this.heldBytes)
  }
}
