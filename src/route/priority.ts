/**
 * The priority class that a caller claims for its call: a word in X-Spillway-Priority, or the urgency of RFC 9218 in
 * Priority. A malformed value counts as absent. Pure. Must not know what the lane makes of the claim.
 */
import { PRIORITIES } from '../lane/priority.ts'
import type { Priority } from '../lane/priority.ts'

/** By the urgencies 0 (most urgent) to 7. RFC 9218, 4.1: the default is 3. */
const BY_URGENCY: readonly Priority[] = ['critical', 'high', 'high', 'normal', 'normal', 'low', 'low', 'low']

/** One member of a dictionary (RFC 8941, 3.2). Its parameters are allowed and ignored. */
const MEMBER = /^([a-z*][a-z0-9_.*-]*)(?:=([^\s,;"]+|"[^"]*"))?(?:;[ ]*[a-z*][a-z0-9_.*-]*(?:=[^\s,;"]+)?)*$/
/** A longer Priority header is ignored. Real ones have about 10 characters. */
const MAX_CHARACTERS = 256

/** Undefined when the caller claims nothing. The word goes before the urgency. `fields`: all Priority headers, in order. */
export function claimedPriority(word: string | undefined, fields: readonly string[]): Priority | undefined {
  return byWord(word) ?? byUrgency(fields)
}

function byWord(word: string | undefined): Priority | undefined {
  const lower = word?.trim().toLowerCase()
  return PRIORITIES.find((priority) => priority === lower)
}

/** Several fields form one dictionary, and the last value of a key counts (RFC 8941, 4.2). */
function byUrgency(fields: readonly string[]): Priority | undefined {
  if (fields.length === 0) return undefined
  const text = fields.join(',')
  if (text.length > MAX_CHARACTERS) return undefined
  let urgency: string | undefined
  for (const member of text.split(',')) {
    const found = MEMBER.exec(member.trim())
    if (found === null) return undefined
    if (found[1] === 'u') urgency = found[2] ?? '?1'
  }
  return urgency !== undefined && /^[0-7]$/.test(urgency) ? BY_URGENCY[Number(urgency)] : undefined
}
