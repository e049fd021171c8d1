/**
 * Requests and answers with random flaws through one Spillway, compared with a strict reader (message.ts). The tool may see
 * only requests that this reader finds in the caller's bytes, and the caller only an answer that it finds in the tool's
 * bytes. No caller may get another's answer. Environment: FUZZ_SEED repeats a run, FUZZ_RUNS lengthens it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { eventually } from '../support/eventually.ts'
import { END, get } from './case.ts'
import type { Case } from './case.ts'
import { hasOnly } from './judge.ts'
import { readAnswers, readRequests, statusOf } from './message.ts'
import type { Message } from './message.ts'
import { FLAWED_ANSWER, FLAWED_REQUEST } from './mutations.ts'
import { fill } from './observe.ts'
import type { Observation } from './observe.ts'
import { spillway } from './proxies.ts'
import { Placement } from './table.ts'

const SEED = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
/** Number of requests, and of answers. The bound is that of the tools in one tools.yaml. */
const RUNS = Math.min(Number(process.env['FUZZ_RUNS'] ?? 150), 1000)
/** The caller closes its side after this time, since its request may be incomplete. */
const PATIENCE_MS = 60

const EMPTY = { name: '', rfc: '', level: 'MUST', allow: [] } as const

type Check = (bytes: string, observation: Observation) => string[]

/** Runs the cases and returns the bytes of each case with problems, and the problems. */
async function broken(cases: readonly Case[], bytes: readonly string[], check: Check): Promise<string[]> {
  await using placement = await Placement.of(cases)
  await using proxy = await spillway(placement.tools)
  const observations = await placement.observe(proxy)
  for (const { route } of placement.placed) {
    await eventually(async () => assert.equal((await proxy.process.lane(route)).active_workers, 0, route))
  }
  return observations.flatMap((observation, index) => {
    const route = placement.placed[index]!.route
    const filled = fill(bytes[index]!, route)
    const problems = [...observation.flaws, ...check(filled, observation)]
    return problems.length === 0 ? [] : [`${JSON.stringify(filled)}: ${problems.join('; ')}`]
  })
}

test('the checks find a request, a field and a body that were not sent, and an answer that was repaired', () => {
  const sent = 'POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc'
  const seenAs = (text: string): string[] =>
    requestProblems(sent, { answers: [], seen: readRequests(text).messages, end: 'closes', flaws: [] })
  assert.deepEqual(seenAs(sent), [])
  assert.match(seenAs(sent.replace('/a', '/b')).join(), /which no strict reader finds/)
  assert.match(seenAs(sent.replace('\r\n\r\n', '\r\nX-A: 1\r\n\r\n')).join(), /the fields/)
  assert.match(seenAs(sent.replace('abc', 'abd')).join(), /the body/)
  const got = (text: string) =>
    readAnswers(text, ['GET'], true).messages.map((message) => ({ message, interims: [] }))
  const repaired = { answers: got('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc'), seen: [], flaws: [] }
  const tools = 'HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc'
  assert.match(answerProblems(tools, { ...repaired, end: 'closes' }).join(), /which no strict reader finds/)
})

test('the tool sees only requests that a strict reader finds in the bytes of the caller', async (t) => {
  t.diagnostic(`FUZZ_SEED=${SEED} FUZZ_RUNS=${RUNS}`)
  const bytes = fc.sample(FLAWED_REQUEST, { seed: SEED, numRuns: RUNS })
  const cases = bytes.map((text): Case => ({ ...EMPTY, send: [text, PATIENCE_MS, END] }))
  assert.deepEqual(await broken(cases, bytes, requestProblems), [])
})

test('the caller gets only an answer that a strict reader finds in the bytes of the tool', async (t) => {
  t.diagnostic(`FUZZ_SEED=${SEED} FUZZ_RUNS=${RUNS}`)
  const bytes = fc.sample(FLAWED_ANSWER, { seed: SEED, numRuns: RUNS })
  const cases = bytes.map((text): Case => ({
    ...EMPTY,
    send: [get()],
    answer: { send: [text], then: 'close' },
  }))
  assert.deepEqual(await broken(cases, bytes, answerProblems), [])
})

/** The tool may miss some requests: those without a lane, and those after `Connection: close`. */
function requestProblems(sent: string, { seen }: Observation): string[] {
  let { messages } = readRequests(withoutEmptyLines(sent))
  return seen.flatMap((request) => {
    const found = messages.findIndex((strict) => lineOf(strict) === lineOf(request))
    const strict = messages[found]
    if (strict === undefined) return [`the tool saw ${request.start}, which no strict reader finds`]
    messages = messages.slice(found + 1)
    const problems: string[] = []
    if (!hasOnly(request.fields, strict.fields))
      problems.push(`the tool saw the fields ${request.fields.join('; ')}`)
    if (!isSameBody(request, strict)) problems.push(`the tool saw the body ${JSON.stringify(request.body)}`)
    return problems
  })
}

function answerProblems(sent: string, { answers }: Observation): string[] {
  const { message } = answers[0] ?? {}
  if (message === undefined || message.fields.some((line) => line.startsWith('x-spillway-reason: ')))
    return []
  const strict = readAnswers(withoutEmptyLines(sent), ['GET'], true).messages.find(
    ({ start }) => statusOf(start) >= 200,
  )
  if (strict === undefined) return [`the caller got ${message.start}, which no strict reader finds`]
  const problems: string[] = []
  if (statusOf(message.start) !== statusOf(strict.start)) problems.push(`the caller got ${message.start}`)
  if (!isSameBody(message, strict))
    problems.push(`the caller got ${message.isWhole ? 'whole' : 'cut'} ${JSON.stringify(message.body)}`)
  return problems
}

/** A complete body must be equal to the strict one; an incomplete body must be its beginning. */
function isSameBody(read: Message, strict: Message): boolean {
  return read.isWhole ? strict.isWhole && read.body === strict.body : strict.body.startsWith(read.body)
}

/** Empty lines before a message may be skipped (RFC 9112, 2.2). The parsers skip bare CR and LF, too. */
function withoutEmptyLines(text: string): string {
  return text.replace(/^[\r\n]+/, '')
}

function lineOf({ start }: Message): string {
  return start.replace(/ HTTP\/1\.[01]$/, '')
}
