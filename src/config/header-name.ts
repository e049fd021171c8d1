/**
 * The name of a request header, as an operator writes it. Pure.
 */
import type { Parsed } from './problems.ts'
import { show } from './show.ts'

/** RFC 9110, 5.1: a token. Longer names are a mistake. */
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/

/** The name in lower case, as it is looked for. */
export function parseHeaderName(text: string): Parsed<string> {
  if (HEADER_NAME.test(text)) return { ok: true, value: text.toLowerCase() }
  return {
    ok: false,
    what: `${show(text)} is not the name of a header`,
    remedy: 'write for example X-Agent-Id',
  }
}
