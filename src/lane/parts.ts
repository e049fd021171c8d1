/**
 * The parts of a lane. Only lane.ts, lessons.ts and refusals.ts change them; admission, the wait estimator, the demand and
 * the snapshot read them.
 */
import { Overload } from './overload.ts'
import { Queue } from './queue.ts'
import type { ClosedReason } from './reason.ts'
import { RetryBudget } from './retry-budget.ts'
import { RunningLeases } from './running-leases.ts'
import { RecentCalls } from './sample.ts'
import type { LaneSettings } from './settings.ts'
import { LimitControl } from './limit-control.ts'
import type { LimitControlParts } from './limit-control.ts'
import { Throttle } from './throttle.ts'
import { TokenBucket } from './token-bucket.ts'

export interface LaneParts {
  settings: LaneSettings
  /** Set once, when the lane is closed: no call starts or waits any more. */
  closedFor: ClosedReason | undefined
  readonly queue: Queue
  readonly running: RunningLeases
  readonly limitControl: LimitControl
  readonly throttle: Throttle
  /** The call rate. */
  readonly bucket: TokenBucket
  /** Whether low-priority calls are shed. */
  readonly overload: Overload
  readonly retryBudget: RetryBudget
  readonly recent: RecentCalls
}

export type ReadParts = Readonly<LaneParts>

export function newParts(
  settings: LaneSettings,
  nowMs: number,
  { limiterOf, decided }: Omit<LimitControlParts, 'figures'>,
): LaneParts {
  const recent = new RecentCalls(nowMs)
  const figures: LimitControlParts['figures'] = (atMs) => ({ calls: 0, ...recent.figures(atMs) })
  return {
    settings,
    closedFor: undefined,
    queue: new Queue(),
    running: new RunningLeases(),
    limitControl: new LimitControl(settings, { limiterOf, figures, decided }),
    throttle: new Throttle(),
    bucket: new TokenBucket(settings.rate, nowMs),
    overload: new Overload(),
    retryBudget: new RetryBudget(),
    recent,
  }
}
