/**
 * What stores answer and tell, from the wire: numbers and nothing else, in the order that report.lua and report.sql give.
 */
import { StoreFailure } from './store.ts'
import type { News } from './store.ts'

export type Eight = readonly [number, number, number, number, number, number, number, number]

/** A standing: version, epoch, given, waiting, claimants, sidecars, rank, pausedMs. */
export function numbersIn(reply: unknown): Eight {
  if (Array.isArray(reply) && reply.length === 8 && reply.every((each) => Number.isFinite(each)))
    return reply as unknown as Eight
  throw new StoreFailure(
    'STORE_REFUSED',
    'the store answered in another language: is its script another version?',
  )
}

/** `tool version epoch given waiting claimants`; undefined for anything else, which anybody may publish. */
export function parseNews(message: string): News | undefined {
  const [tool, ...words] = message.split(' ')
  const numbers = words.map(Number)
  const [version, epoch, given, waiting, claimants] = numbers
  if (tool === undefined || version === undefined || epoch === undefined || given === undefined)
    return undefined
  if (waiting === undefined || claimants === undefined || !numbers.every(Number.isFinite)) return undefined
  return { tool, version, epoch, given, waiting, claimants }
}
