/**
 * Conflicts between parts of the configuration: two tools with the same match, two listeners with the same address, an
 * upstream that is Spillway's own address. Must not know what is inside a lane (conflicts.ts).
 */
import { arrivesAt, formatAddress, isSameAddress } from './address.ts'
import { foldCase } from '../route/normal-path.ts'
import { canonicalRule, impliedRule, pathsOf } from './match.ts'
import { formatPath } from './paths.ts'
import type { Path } from './paths.ts'
import type { Complaint, Where } from './problems.ts'
import type { Remains } from './schema.ts'
import type { MatchRule } from './settings.ts'
import type { Shape } from './shape.ts'
import type { ProcessSettings } from './process-settings.ts'
import { parseUpstream } from './upstream.ts'

interface Claim {
  readonly rule: MatchRule
  readonly where: Extract<Where, { readonly path: Path }>
  readonly isImplied: boolean
}

/** Of a tool whose `match` is refused, nothing is compared. */
export function doubleMatches({ remains, isRefused }: Shape): readonly Complaint[] {
  const taken = new Map<string, readonly Claim[]>()
  const claims = Object.entries(remains.tools ?? {}).flatMap(([tool, { match, mcp }]) =>
    isRefused(['tools', tool, 'match']) || mcp?.server !== undefined ? [] : claimsOf(tool, match),
  )
  // Written rules come before implied ones, so that the complaint is about the tool that wrote no `match`.
  const ordered = [
    ...claims.filter(({ isImplied }) => !isImplied),
    ...claims.filter(({ isImplied }) => isImplied),
  ]
  return ordered.flatMap((claim) => {
    const before = idsOf(claim.rule)
      .flatMap((id) => taken.get(id) ?? [])
      .find((other) => meet(claim, other))
    if (before !== undefined) return [takenBefore(claim, before)]
    for (const id of idsOf(claim.rule)) taken.set(id, [...(taken.get(id) ?? []), claim])
    return []
  })
}

/** Keys to look up rules that may be the same. They ignore letter case, so `meet` has the last word. */
function idsOf(rule: MatchRule): readonly string[] {
  return pathsOf(rule).map((path) => `${rule.host ?? ''} ${foldCase(path)}`)
}

function meet({ rule: a }: Claim, { rule: b }: Claim): boolean {
  if (a.ignoreCase === true || b.ignoreCase === true) return true
  const paths = new Set(pathsOf(a))
  return pathsOf(b).some((path) => paths.has(path))
}

export function doubleAddress({ listen, admin }: ProcessSettings): readonly Complaint[] {
  const where = admin.where ?? listen.where
  if (where === undefined || !isSameAddress(listen.value, admin.value)) return []
  const [own, other, name] = admin.where === undefined ? [listen, admin, 'admin'] : [admin, listen, 'listen']
  const what = `${formatAddress(own.value)} is taken by ${name}, which is ${formatAddress(other.value)}`
  return [{ where, what, remedy: 'write another port' }]
}

export function loops({ tools = {} }: Remains, { listen }: ProcessSettings): readonly Complaint[] {
  return Object.entries(tools).flatMap(([tool, { upstream }]) => {
    const parsed = upstream === undefined ? undefined : parseUpstream(upstream)
    if (!parsed?.ok || !arrivesAt(addressOf(parsed.value.origin), listen.value)) return []
    const what = `is Spillway's own listen address ${formatAddress(listen.value)}, so every call would come back`
    const remedy = 'write where the tool itself answers'
    return [{ where: { kind: 'value', path: ['tools', tool, 'upstream'] }, what, remedy }]
  })
}

function claimsOf(
  tool: string,
  match: readonly { host?: string; path?: string; ignoreCase?: boolean }[] | undefined,
): readonly Claim[] {
  const path = ['tools', tool]
  if (match === undefined) return [{ rule: impliedRule(tool), where: { kind: 'key', path }, isImplied: true }]
  return match.flatMap((written, index): readonly Claim[] => {
    const rule = canonicalRule(written)
    const where = { kind: 'value', path: [...path, 'match', index] } as const
    return rule === undefined ? [] : [{ rule, where, isImplied: false }]
  })
}

function takenBefore({ rule, where, isImplied }: Claim, before: Claim): Complaint {
  const what = isImplied
    ? `its match, { path: ${rule.path ?? '/'} } when none is written, is taken by ${formatPath(before.where.path)}`
    : `the same match as ${formatPath(before.where.path)}`
  return {
    where,
    what,
    remedy: isImplied
      ? 'write a match of its own'
      : 'keep one of the two, or tell them apart by host or path',
  }
}

function addressOf(origin: string) {
  const url = new URL(origin)
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port)
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port }
}
