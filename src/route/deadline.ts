/**
 * How long a caller will wait by its own word: Spillway's header, Envoy's, and that of the Stainless SDKs. Pure. The
 * shortest counts; what is malformed, or not above 0, is ignored. Must not know what the lane allows.
 */

const MILLISECONDS = /^\d{1,9}$/
const SECONDS = /^\d{1,6}(?:\.\d{1,9})?$/

/** Milliseconds; undefined when the caller says nothing. `header`: the first value by a name in lower case. */
export function callerTtlMs(header: (lower: string) => string | undefined): number | undefined {
  const said = [
    number(header('x-spillway-ttl-ms'), MILLISECONDS),
    number(header('x-envoy-expected-rq-timeout-ms'), MILLISECONDS),
    number(header('x-stainless-timeout'), SECONDS) * 1000,
  ]
  const shortest = Math.min(...said.filter((ms) => ms > 0))
  return Number.isFinite(shortest) ? shortest : undefined
}

/** NaN for what is none. */
function number(text: string | undefined, form: RegExp): number {
  const trimmed = text?.trim() ?? ''
  return form.test(trimmed) ? Number(trimmed) : NaN
}
