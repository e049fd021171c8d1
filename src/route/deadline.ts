/**
 * The time for which a caller says that it will wait: in Spillway's header, in Envoy's, or in that of the Stainless SDKs.
 * The shortest counts. A value that is malformed or not above 0 is ignored. Pure. Must not know what the lane allows.
 */

const MILLISECONDS = /^\d{1,9}$/
const SECONDS = /^\d{1,6}(?:\.\d{1,9})?$/

/** Milliseconds; undefined without a valid header. `header`: returns the first value of a header by its name in lower case. */
export function callerTtlMs(header: (lower: string) => string | undefined): number | undefined {
  const claimedMs = [
    number(header('x-spillway-ttl-ms'), MILLISECONDS),
    number(header('x-envoy-expected-rq-timeout-ms'), MILLISECONDS),
    number(header('x-stainless-timeout'), SECONDS) * 1000,
  ]
  const shortest = Math.min(...claimedMs.filter((ms) => ms > 0))
  return Number.isFinite(shortest) ? shortest : undefined
}

/** NaN for malformed text. */
function number(text: string | undefined, form: RegExp): number {
  const trimmed = text?.trim() ?? ''
  return form.test(trimmed) ? Number(trimmed) : NaN
}
