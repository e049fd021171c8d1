/**
 * The port to what a fleet shares: who holds how many slots of a tool, and who waits for one. Contracts only; one suite
 * (test/contract/) holds every implementation to them.
 *
 * A sidecar says where it stands, and is told where it stands; both sides count upwards within a session, so that a
 * message lost, late or doubled changes nothing: held = given - returned. A session and all that it holds ends when its
 * sidecar was not heard of for `ttlMs` of the store's own clock. Who waits stands in one line for each tool: a slot that
 * comes free goes to the longest-waiting sidecar, which then stands at the end of the line for its next one. Where
 * sidecars were told different caps, the smallest counts for all: else those with the smaller one would never have a turn.
 */
export interface Report {
  readonly tool: string
  /** Slots that all sidecars together may hold, as this one was told. */
  readonly cap: number
  /** The session that `returned` counts in; 0 before the first answer. */
  readonly epoch: number
  /** Slots given back since the session began. */
  readonly returned: number
  /** Slots that the sidecar may still use. A store that has lost its memory takes them over, if it has none to give yet. */
  readonly held: number
  /** Further slots wanted now; 0 leaves the line. */
  readonly want: number
  /** Higher with each statement of a process: one that comes late changes neither what is wanted nor the session. */
  readonly order: number
}

/** What others need to share fairly: the same in an answer and in news. */
export interface Snapshot {
  /** Higher with each change of this tool in the store: the highest is the newest. */
  readonly version: number
  /** The session that `given` counts in. Another one than stated: what was held before is gone but for `given`. */
  readonly epoch: number
  /** Slots given since the session began. */
  readonly given: number
  /** Other sidecars that wait for a slot; also 1 when more slots are held than `cap`. */
  readonly waiting: number
  /** Sidecars that hold or want slots, this one among them. */
  readonly claimants: number
  /** The smallest `cap` that a living sidecar stated. A slot is given only while fewer are held. */
  readonly cap: number
}

export interface Allotment extends Snapshot {
  /** Sidecars of this tool that live, busy or not, and which of them this is: 0..sidecars-1. */
  readonly sidecars: number
  readonly rank: number
  /** Milliseconds until the store gives slots: above 0 where it may not know what others hold. */
  readonly pausedMs: number
  /** Milliseconds until the next of the other sessions ends if its sidecar stays silent; 0 where there is none. */
  readonly nextEndMs: number
}

/** A slot was given to this sidecar, or others wait for what it holds. */
export interface News extends Snapshot {
  readonly tool: string
}

export interface FleetStore {
  /**
   * Says where this sidecar stands and is told where it stands; keeps its session alive. Answers or rejects within
   * `answerWithinMs` of the store's options; after a rejection it may or may not have been heard.
   */
  report(statement: Report): Promise<Allotment>
  /** Gives back everything of this tool and leaves its line; the next in line are told. Harmless twice. */
  leave(tool: string): Promise<void>
  /** Who is told of news, from now on; news can be lost, the next answer says the same. One listener, the latest. */
  listen(onNews: (news: News) => void): void
  /** Lets connections go without a word to the store. Idempotent. */
  close(): Promise<void>
}

export interface StoreOptions {
  /** Fleets of different names share a store and nothing else. */
  readonly fleet: string
  /** Unlike any other process's. */
  readonly sidecar: string
  readonly ttlMs: number
  readonly answerWithinMs: number
}

/** Milliseconds of silence, or one TTL where that is shorter, after which new connections are opened in place of the old. */
export const REOPEN_AFTER_MS = 3000

/** Live sidecars of one tool. One more is refused with FleetFull: the store would slow down for all. */
export const MOST_SIDECARS = 512

/** The store does not answer, or not in time. Its message never holds a password. */
export class StoreFailure extends Error {
  override readonly name = 'StoreFailure'
  readonly code: 'STORE_SILENT' | 'STORE_REFUSED' | 'FLEET_FULL'

  constructor(code: StoreFailure['code'], message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}

export function fleetFull(tool: string, cause?: unknown): StoreFailure {
  return new StoreFailure('FLEET_FULL', `${MOST_SIDECARS} sidecars share ${tool} already`, cause)
}
