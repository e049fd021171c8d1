/**
 * Exit codes (section 9 of the contract). A supervisor sees by them whether to start the process again.
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
