/**
 * Compares the observation of a case with the behaviour that the case allows, and describes the differences in words. Pure.
 */
import { WRITTEN_FOR_TOOL } from '../../src/upstream/headers.ts'
import type { Allowed, Case, Got, Seen } from './case.ts'
import type { Message } from './message.ts'
import { statusOf, valuesOf } from './message.ts'
import { fill } from './observe.ts'
import type { Answered, Observation } from './observe.ts'
import { MARK } from './origin.ts'

export interface Judged {
  /** The proxy's behaviour, in a few words. */
  readonly did: string
  /** Differences from the best matching alternative; empty if there are none. */
  readonly problems: readonly string[]
}

/** Fields that a proxy may set itself, and hop-by-hop fields. */
const NOT_COMPARED: ReadonlySet<string> = new Set([
  ...WRITTEN_FOR_TOOL,
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'max-forwards',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

export function judge({ allow, send }: Case, seen: Observation, route: string): Judged {
  const sent = fill(send.filter((step) => typeof step === 'string').join(''), route)
  const tries = allow.map((allowed) => problemsOf(allowed, seen, { sent, route }))
  const best = tries.reduce((least, problems) => (problems.length < least.length ? problems : least))
  const confused =
    seen.end === 'confused' ? ['the next request on the connection got an answer not its own'] : []
  return { did: told(seen), problems: [...best, ...confused, ...seen.flaws] }
}

interface Context {
  readonly sent: string
  readonly route: string
}

function problemsOf(allowed: Allowed, { answers, seen, end }: Observation, context: Context): string[] {
  const problems: string[] = []
  if (answers.length !== allowed.got.length)
    problems.push(`${answers.length} answers in place of ${allowed.got.length}`)
  if (seen.length !== allowed.seen.length)
    problems.push(`the tool saw ${seen.length} requests in place of ${allowed.seen.length}`)
  for (const [index, got] of allowed.got.entries()) {
    const answer = answers[index]
    if (answer !== undefined) problems.push(...answerProblems(got, answer))
  }
  for (const [index, one] of allowed.seen.entries()) {
    const request = seen[index]
    if (request !== undefined) problems.push(...requestProblems(one, request, context))
  }
  if (allowed.end !== undefined && end !== allowed.end) problems.push(`the connection ${end}`)
  return problems
}

function answerProblems(got: Got, { message, interims }: Answered): string[] {
  const { start, fields, body, isWhole, trailers } = message
  const problems: string[] = []
  const status = statusOf(start)
  const by = fields.some((line) => line.startsWith(`${MARK}: `)) ? 'tool' : 'proxy'
  if (by !== got.by) problems.push(`${status} by the ${by}`)
  if (!got.statuses.includes(status)) problems.push(`status ${status}`)
  if (got.version !== undefined && !start.startsWith(got.version)) problems.push(`the caller gets ${start}`)
  if (isWhole === (got.isCut === true))
    problems.push(isWhole ? 'the answer seems whole' : 'the answer is cut')
  for (const line of got.has ?? [])
    if (!isAmong(line, fields)) problems.push(`the caller does not get ${String(line)}`)
  for (const name of got.lacks ?? [])
    if (valuesOf(fields, name).length > 0) problems.push(`the caller gets ${name}`)
  if (got.body !== undefined && body !== got.body) problems.push(`the caller gets the body ${brief(body)}`)
  if (got.trailers !== undefined && got.trailers.join() !== trailers.join())
    problems.push(`the caller gets the trailers ${brief(trailers.join())}`)
  if (got.interims !== undefined && got.interims.join() !== interims.join())
    problems.push(`the caller gets the interim answers ${interims.join(' ') || 'none'}`)
  return problems
}

function requestProblems(expected: Seen, request: Message, { sent, route }: Context): string[] {
  const problems: string[] = []
  const [first = '', ...lines] = (sent.replace(/^(?:\r?\n)+/, '').split('\r\n\r\n')[0] ?? '').split('\r\n')
  const line = fill(expected.line ?? first.replace(/ HTTP\/.*$/, ''), route)
  if (request.start.replace(/ HTTP\/1\.[01]$/, '') !== line)
    problems.push(`the tool sees ${brief(request.start)}`)
  if (expected.version !== undefined && !request.start.endsWith(expected.version))
    problems.push(`the tool sees ${brief(request.start)}`)
  const isUnfolded = expected.isUnfolded === true
  const wanted = (expected.fields ?? lines.map(normal)).map((field) => fill(field, route))
  const fields = wanted.filter(isCompared)
  const found = request.fields
    .filter(isCompared)
    .map((line) => (isUnfolded ? line.replace(/[ \t]+/g, ' ') : line))
  if (fields.join('\n') !== found.join('\n'))
    problems.push(`the tool sees the fields ${brief(found.join('; '))}`)
  if (!request.isWhole && expected.isCut !== true) problems.push('the tool sees a cut request')
  if (expected.body !== undefined && request.body !== expected.body)
    problems.push(`the tool sees the body ${brief(request.body)}`)
  if (expected.trailers !== undefined && expected.trailers.join() !== request.trailers.join())
    problems.push(`the tool sees the trailers ${brief(request.trailers.join())}`)
  for (const each of expected.has ?? []) {
    const line = typeof each === 'string' ? fill(each, route) : each
    if (!isAmong(line, request.fields)) problems.push(`the tool does not see ${String(line)}`)
  }
  for (const name of expected.lacks ?? [])
    if (valuesOf(request.fields, name).length > 0) problems.push(`the tool sees ${name}`)
  return problems
}

function isAmong(line: string | RegExp, fields: readonly string[]): boolean {
  return typeof line === 'string' ? fields.includes(line) : fields.some((field) => line.test(field))
}

function normal(line: string): string {
  const colon = line.indexOf(':')
  return `${line.slice(0, colon).toLowerCase()}: ${line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')}`
}

function isCompared(line: string): boolean {
  return !NOT_COMPARED.has(line.slice(0, line.indexOf(':')))
}

function told({ answers, seen, end }: Observation): string {
  const parts: string[] = []
  if (seen.length > 0) parts.push(seen.length === 1 ? 'passed' : `${seen.length} passed`)
  const statuses = answers.flatMap(({ message, interims }) => [
    ...interims.slice(0, 3),
    `${statusOf(message.start)}${message.isWhole ? '' : ' cut'}`,
  ])
  if (statuses.length > 0) parts.push(statuses.length > 4 ? `${statuses.length} answers` : statuses.join(' '))
  if (end === 'closes') parts.push('closed')
  if (end === 'silent') parts.push('silence')
  if (end === 'confused') parts.push('next one confused')
  return parts.join(', ')
}

function brief(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text)
}

/** Whether all compared fields are among `allowed`. */
export function hasOnly(fields: readonly string[], allowed: readonly string[]): boolean {
  return fields.filter(isCompared).every((line) => allowed.includes(line))
}
