/**
 * The port to the store of a fleet. Sidecars that share a cap talk to the store only, never to each other. For each tool the
 * store counts the slots that each sidecar holds, and keeps the line of sidecars that wait for one. An exchange with
 * figures: docs/fleet.md. Contracts only; test/contract/ holds every implementation to them.
 *
 * A sidecar holds `given - returned` slots. The store counts `given` and the sidecar counts `returned`, both upwards from
 * the beginning of a session (`epoch`), so a message that is lost, late or doubled changes nothing. A session ends when its
 * sidecar leaves or was silent for `ttlMs` of the store's own clock; its slots are free then. A free slot goes to the
 * sidecar that has waited longest, which then stands at the end of the line. Of different caps the smallest counts.
 */
/** Sidecar to store: what it has returned so far, and what it wants. */
export interface Report {
  readonly tool: string
  /** Slots that all sidecars together may hold, as this one was told. */
  readonly cap: number
  /** The session that `returned` counts in; 0 before the first answer. */
  readonly epoch: number
  /** Slots given back since the session began. */
  readonly returned: number
  /** Slots that the sidecar may still use. A store that has lost its memory takes them over while it gives none yet. */
  readonly held: number
  /** Further slots wanted now; 0 leaves the line. */
  readonly want: number
  /** Higher with each report of a process: one that arrives late changes neither what is wanted nor the session. */
  readonly order: number
  /** The last report about this tool: everything is returned, nothing is wanted, and the session ends. */
  readonly isLeaving: boolean
}

/** Where one sidecar stands with one tool: the same in an answer and in news. */
export interface Snapshot {
  /** Higher with each change of this tool in the store: the highest is the newest. */
  readonly version: number
  /** The session that `given` counts in. Where it is not the reported one, slots held before are gone but for `given`. */
  readonly epoch: number
  /** Slots given since the session began. */
  readonly given: number
  /** Other sidecars that wait for a slot; also 1 when more slots are held than `cap`. */
  readonly waiting: number
  /** Sidecars that hold or want slots, this one among them. */
  readonly claimants: number
  /** The smallest `cap` that a living sidecar reported. A slot is given only while fewer are held. */
  readonly cap: number
}

/** The answer to a report. To a sidecar that leaves, every number is 0. */
export interface Allotment extends Snapshot {
  /** Sidecars of this tool that live, busy or not. */
  readonly sidecars: number
  /** Which of them this is: 0..sidecars-1. */
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
   * Takes a report over, keeps the session alive and answers with the allotment. Answers or rejects within
   * `answerWithinMs` of the store's options; after a rejection the report may or may not have been heard.
   */
  report(report: Report): Promise<Allotment>
  /** Sets the one listener for news. News can be lost; the next allotment says the same. */
  listen(onNews: (news: News) => void): void
  /** Closes the connections without a word to the store. Idempotent. */
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

/** Live sidecars of one tool. One more is refused with FLEET_FULL: each report reads all of them. */
export const MOST_SIDECARS = 512

/** The store does not answer, not in time, or refuses. The message never holds a password. */
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
