/**
 * The last answer on a connection that has no ServerResponse, as text: the connection is closed after it. The reason
 * stands in the status line, too, where a person who looks at the bytes sees it first.
 */
import type { Reason } from '../lane/reason.ts'
import type { Answer } from './answer.ts'
import { refuse } from './refuse.ts'
import type { RefusalFacts } from './refuse.ts'
import { wireHead } from './wire-head.ts'

export function lastAnswer(reason: Reason, { status, headers, body }: Answer): string {
  const head = wireHead({ status, phrase: reason, headers: ['Connection', 'close', ...headers] })
  return `${head.toString('latin1')}${body}`
}

/** A refusal as the last answer. */
export function lastRefusal(facts: RefusalFacts): string {
  return lastAnswer(facts.reason, refuse(facts))
}
