/**
 * Which class a caller claims for its call: a word in X-Spillway-Priority, or the urgency of RFC 9218 in Priority. Pure.
 * What is malformed is ignored, as if it were not there. Must not know what the lane makes of the claim.
 */
import { PRIORITIES } from '../lane/priority.ts'
import type { Priority } from '../lane/priority.ts'

/** RFC 9218, 4.1: 0 is the most urgent of 0 to 7 and 3 is what a client means that says nothing. */
const BY_URGENCY: readonly Priority[] = ['critical', 'high', 'high', 'normal', 'normal', 'low', 'low', 'low']

/** RFC 8941: one member of a dictionary, with parameters, which mean nothing here. */
const MEMBER = /^([a-z*][a-z0-9_.*-]*)(?:=([^\s,;"]+|"[^"]*"))?(?:;[ ]*[a-z*][a-z0-9_.*-]*(?:=[^\s,;"]+)?)*$/
/** Characters of a Priority header that are looked at: real ones have 10. */
const LONGEST = 256

/** Undefined when the caller claims nothing; the word wins. `fields`: every Priority header, in order. */
export function claimedPriority(word: string | undefined, fields: readonly string[]): Priority | undefined {
  return byWord(word) ?? byUrgency(fields)
}

function byWord(word: string | undefined): Priority | undefined {
  const lower = word?.trim().toLowerCase()
  return PRIORITIES.find((priority) => priority === lower)
}

/** A dictionary may be spread over several fields, and of a key that comes twice the last counts. */
function byUrgency(fields: readonly string[]): Priority | undefined {
  if (fields.length === 0) return undefined
  const text = fields.join(',')
  if (text.length > LONGEST) return undefined
  let urgency: string | undefined
  for (const member of text.split(',')) {
    const found = MEMBER.exec(member.trim())
    if (found === null) return undefined
    if (found[1] === 'u') urgency = found[2] ?? '?1'
  }
  return urgency !== undefined && /^[0-7]$/.test(urgency) ? BY_URGENCY[Number(urgency)] : undefined
}
