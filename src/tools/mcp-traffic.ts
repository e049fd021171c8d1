/**
 * The gates for requests to an MCP server that are no calls: messages, which are short, and streams, which may last for
 * days. Each kind has its own limit, so that streams cannot keep out messages, and no queue. Neither waits for a lane.
 */
import { Gate } from '../gate/gate.ts'
import type { GateParts } from '../gate/gate.ts'
import type { ClosedReason } from '../lane/reason.ts'
import type { LaneSettings } from '../lane/settings.ts'

/** Messages at a time: all agents of a large fleet may send their first messages at once. */
export const MESSAGES = 256
/** Streams at a time: one for each session of a large fleet. */
export const STREAMS = 1024
/** Milliseconds that a stream may be silent: a day. TCP detects a dead peer earlier. */
const STREAM_SILENCE_MS = 86_400_000

export class McpTraffic {
  readonly messages: Gate
  readonly streams: Gate

  constructor(lane: LaneSettings, parts: Pick<GateParts, 'clock' | 'random' | 'failed'>) {
    // The events of these gates are dropped, because they would be counted as the lane's.
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
