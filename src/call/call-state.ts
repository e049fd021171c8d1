/**
 * What a call is made of: the states that it can be in, what it does with its lease, how its body comes, and what the
 * stages share. Contracts only; call.ts moves a call from state to state.
 */
import type { Turn } from '../gate/gate.ts'
import type { Priority } from '../lane/priority.ts'
import type { Caller } from '../listen/caller.ts'
import type { Drain } from '../listen/drain.ts'
import type { LeaseRequest } from '../listen/lease-request.ts'
import type { Events } from '../observe/events.ts'
import type { Target } from '../route/target.ts'
import type { Clock, Timer } from '../time/clock.ts'
import type { Tool } from '../tools/tool.ts'
import type { Tools } from '../tools/tools.ts'
import type { Attempt, AttemptResult } from '../upstream/attempt.ts'
import type { Upload } from '../upstream/upload.ts'
import type { Call } from './call.ts'
import type { Replies } from './replies.ts'

export type CallState =
  /** It was routed; its body may still be coming. */
  | { readonly kind: 'arrived' }
  /** It stands in its lane's queue. `leave`: see Entered in gate/gate.ts. */
  | { readonly kind: 'waiting'; readonly leave: () => boolean }
  /** It holds a lease. */
  | { readonly kind: 'running'; readonly attempt: Attempt }
  /** It waits between two attempts, and holds no lease. */
  | { readonly kind: 'retrying'; readonly timer: Timer }
  /** It has its answer, or never will. */
  | { readonly kind: 'ended' }

/** What a call does with its lease. */
export type Work =
  /** It goes to the tool. */
  | {
      readonly kind: 'forward'
      readonly target: Target
      /** The caller's path without the prefix that `match` took. */
      readonly rest: string
    }
  /** A worker holds the lease and does the work itself. */
  | { readonly kind: 'hold'; readonly wanted: LeaseRequest }

export type Body =
  | { readonly kind: 'none' }
  /** Still with the caller. `bytes`: as declared; undefined while nobody knows. */
  | { readonly kind: 'unread'; readonly bytes: number | undefined }
  /** Comes while the call goes on. */
  | { readonly kind: 'streamed'; readonly upload: Upload; readonly bytes: number | undefined }
  /** Was read whole. */
  | { readonly kind: 'whole'; readonly content: Buffer }

/** What came of an attempt that did not give the caller its answer. */
export type Unanswered = Exclude<AttemptResult, { kind: 'passed' }>

/** The attempts before this one. */
export interface Earlier {
  /** From 1. */
  readonly tries: number
  /** Goes to the caller if no further attempt is let in. */
  readonly last: Unanswered
  /** The event `retried` was emitted for the further attempt. */
  isTold: boolean
}

/** What comes back to the pipeline from a call that waited or ran. */
export interface PipelineCallbacks {
  /** The lane decided about a call that waited. */
  turned(call: Call, turn: Turn): void
  /** An attempt is over, and so is its lease. */
  attempted(call: Call, result: AttemptResult): void
}

/** What the stages of every call share. */
export interface CallParts {
  readonly tools: Tools
  readonly clock: Clock
  readonly events: Events
  readonly drain: Drain
  readonly replies: Replies
  readonly pipeline: PipelineCallbacks
  /** 0 <= n < 1. */
  readonly random: () => number
  /** Makes a key that cannot be turned back. */
  readonly hash: (text: string) => string
  /** More runs in this lane than the fleet has slots for it. */
  readonly isBeyondFleet: (tool: string, active: number) => boolean
}

export interface CallFacts {
  readonly caller: Caller
  readonly requestId: string
  readonly tool: Tool
  readonly priority: Priority
  readonly work: Work
  readonly body: Body
}
