/**
 * The name of a request header, as an operator writes it in `fairness.by`. Pure.
 */
import type { Parsed } from './problems.ts'
import { show } from './show.ts'

/** A token (RFC 9110, 5.1). No real header name is longer than 64 characters. */
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/

/** The name in lower case, as requests are searched for it. */
export function parseHeaderName(text: string): Parsed<string> {
  if (HEADER_NAME.test(text)) return { ok: true, value: text.toLowerCase() }
  return {
    ok: false,
    what: `${show(text)} is not the name of a header`,
    remedy: 'write for example X-Agent-Id',
  }
}
