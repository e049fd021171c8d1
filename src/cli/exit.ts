/**
 * Exit codes, so that a supervisor can tell "start it again" from "do not": the contract's section 9.
 */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  configuration: 3,
  addressInUse: 4,
  drainRanOut: 5,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]
