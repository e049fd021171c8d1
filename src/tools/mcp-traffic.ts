/**
 * What an MCP server gets beside the calls of its tools: messages, which are short, and streams, which may last for
 * days. Each has a bound of its own and no queue, so that they wait behind no lane, and streams cannot keep out messages.
 */
import { Gate } from '../gate/gate.ts'
import type { GateParts } from '../gate/gate.ts'
import type { ClosedReason } from '../lane/reason.ts'
import type { LaneSettings } from '../lane/settings.ts'

/** Messages at a time: every agent of a large fleet may start at once. */
export const MESSAGES = 256
/** Streams at a time: one for each session of a large fleet. */
export const STREAMS = 1024
/** Milliseconds a stream may be silent: a day. TCP finds out earlier about a peer that is dead. */
const STREAM_SILENCE_MS = 86_400_000

export class McpTraffic {
  readonly messages: Gate
  readonly streams: Gate

  constructor(lane: LaneSettings, parts: Pick<GateParts, 'clock' | 'random' | 'failed'>) {
    // Their figures would say something else than the lane's: nobody is told.
    const tell = (): void => undefined
    this.messages = new Gate(settingsOf(lane, MESSAGES), { ...parts, tell })
    this.streams = new Gate({ ...settingsOf(lane, STREAMS), leaseMs: STREAM_SILENCE_MS }, { ...parts, tell })
  }

  change(lane: LaneSettings): void {
    this.messages.reconfigure(settingsOf(lane, MESSAGES))
  }

  close(reason: ClosedReason): void {
    this.messages.close(reason)
    this.streams.close(reason)
  }
}

function settingsOf(lane: LaneSettings, atOnce: number): LaneSettings {
  return {
    ...lane,
    maxQueueDepth: 0,
    minConcurrent: atOnce,
    startConcurrent: atOnce,
    maxConcurrent: atOnce,
    controller: { algorithm: 'fixed' },
    rate: undefined,
  }
}
