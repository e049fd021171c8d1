/**
 * Building blocks for the tables of answers: common lines and the constructor of a case.
 */
import { badGateway, cutBeforeHead, get, ok } from '../case.ts'
import type { Allowed, Answer, Case, Step } from '../case.ts'

export const MARK = 'X-For: x'
export const LENGTH = 'Content-Length: 3'
export const PLAIN = ok([MARK, LENGTH], 'abc')
export const REST = `\r\n${MARK}\r\n${LENGTH}\r\n\r\nabc`
export const never: readonly Allowed[] = [badGateway(), cutBeforeHead]

export interface Parts {
  readonly rfc?: string
  readonly level?: Case['level']
  readonly send?: readonly Step[]
  readonly why?: string
}

export function answer(
  name: string,
  sent: string | Answer,
  allow: readonly Allowed[],
  parts: Parts = {},
): Case {
  const script = typeof sent === 'string' ? { send: [sent] } : sent
  return { name, rfc: '9112 4', level: 'MUST', send: [get()], answer: script, allow, ...parts }
}
