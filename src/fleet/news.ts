/**
 * Reads what a store sends: an allotment is ten numbers, news is a tool and six numbers, in the order that
 * redis/report.lua and postgres/3-news.sql and 4-report.sql give. Anything else is refused or passed over.
 */
import { StoreFailure } from './store.ts'
import type { Allotment, News } from './store.ts'

/** In this order: version, epoch, given, waiting, claimants, cap, sidecars, rank, pausedMs, nextEndMs. */
export function allotmentFrom(reply: unknown): Allotment {
  if (!Array.isArray(reply) || reply.length !== 10 || !reply.every((each) => Number.isFinite(each)))
    throw new StoreFailure(
      'STORE_REFUSED',
      'the store answered in another language: is its script another version?',
    )
  const [version, epoch, given, waiting, claimants, cap, sidecars, rank, pausedMs, nextEndMs] =
    reply as unknown as Ten
  return { version, epoch, given, waiting, claimants, cap, sidecars, rank, pausedMs, nextEndMs }
}

type Ten = readonly [number, number, number, number, number, number, number, number, number, number]

/** `tool version epoch given waiting claimants cap`; undefined for any other text, because anybody may publish. */
export function parseNews(message: string): News | undefined {
  const [tool, ...words] = message.split(' ')
  const numbers = words.map(Number)
  const [version, epoch, given, waiting, claimants, cap] = numbers
  if (tool === undefined || version === undefined || epoch === undefined || given === undefined)
    return undefined
  if (waiting === undefined || claimants === undefined || cap === undefined) return undefined
  if (!numbers.every(Number.isFinite)) return undefined
  return { tool, version, epoch, given, waiting, claimants, cap }
}
