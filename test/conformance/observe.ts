/**
 * Runs one case against one proxy and records the requests that the tool got, the answers that the caller got, and the end
 * of the connection. Then two more calls check that the next callers of the same tool get their own answers. The
 * comparison with what the case allows is in judge.ts.
 */
import { eventually } from '../support/eventually.ts'
import { Caller, isInterim } from './caller.ts'
import { END } from './case.ts'
import type { Case, Step } from './case.ts'
import { statusOf, valuesOf } from './message.ts'
import type { Message } from './message.ts'
import { MARK, markFor, PROBE } from './origin.ts'
import type { Origin } from './origin.ts'

/** A lane must serve plain requests again within this time. */
const RECOVERY_MS = 4000
/** Number of calls after the case. The second finds bytes that the first left on a pooled connection. */
const PROBES = 2

export interface Answered {
  readonly message: Message
  /** Statuses of the interim answers before it. */
  readonly interims: readonly number[]
}

export interface Observation {
  readonly answers: readonly Answered[]
  readonly seen: readonly Message[]
  /** `confused`: the next request on the connection got an answer that is not its own. */
  readonly end: 'closes' | 'goes on' | 'silent' | 'confused'
  /** Violations that no case allows. */
  readonly flaws: readonly string[]
}

/** A case with its tool and its route. */
export interface Placed {
  readonly case: Case
  readonly origin: Origin
  /** The case's path without the slash, which is also the name of its lane. */
  readonly route: string
}

/** Replaces `$T` and `$H` in a text. */
export function fill(text: string, route: string): string {
  return text.replaceAll('$T', `/${route}`).replaceAll('$H', `${route}.test`)
}

export async function observe(port: number, placed: Placed): Promise<Observation> {
  const { origin, route } = placed
  const filled = placed.case.send.map((step) => (isBytes(step) ? fill(step, route) : step))
  const steps = placed.case.isSlow === true ? filled.flatMap(byteByByte) : filled
  const caller = new Caller(port, methodsIn(steps))
  const flaws: string[] = []
  try {
    await caller.send(steps, () => origin.requests().length > 0)
    const wanted = placed.case.answers ?? methodsIn(steps).length
    const isComplete = await caller.answers(wanted)
    const before = caller.read()
    const end = await endOf(caller, { route, wanted, mayFollow: isComplete && !steps.includes(END) })
    flaws.push(...flawsOf(caller, end === 'goes on' ? before.messages.length + 1 : undefined))
    const seen = origin.requests()
    const answers = grouped(
      end === 'goes on' || end === 'confused' ? before.messages : caller.read().messages,
    )
    for (let i = 1; i <= PROBES; i++) flaws.push(...(await probe(port, `${PROBE}${i}`, route)))
    return { answers, seen, end, flaws: [...flaws, ...origin.flaws()] }
  } finally {
    caller.destroy()
  }
}

/** Finds out the state of the caller's connection: sends one more request on it, unless the last answer says close. */
async function endOf(
  caller: Caller,
  how: { readonly route: string; readonly wanted: number; readonly mayFollow: boolean },
): Promise<Observation['end']> {
  if (caller.hasClosed()) return 'closes'
  const last = caller.finals().at(-1)
  if (last !== undefined && saysClose(last)) return (await caller.closed()) ? 'closes' : 'silent'
  if (!how.mayFollow) return (await caller.closed()) ? 'closes' : 'silent'
  const before = caller.finals().length
  caller.sendMore(fill(`GET $T${PROBE}follow HTTP/1.1\r\nHost: $H\r\n\r\n`, how.route), 'GET')
  await caller.answers(before + 1)
  const next = caller.finals()[before]
  if (next === undefined) return caller.hasClosed() ? 'closes' : 'silent'
  // After the case's own answer, a refusal of the next request with a close cannot be mistaken for another answer.
  if (isTools(last) && !isTools(next) && saysClose(next) && (await caller.closed())) return 'closes'
  return isFor(next, fill(`$T${PROBE}follow`, how.route)) ? 'goes on' : 'confused'
}

function flawsOf(caller: Caller, most: number | undefined): string[] {
  const { flaw, rest, messages } = caller.read()
  const found = flaw === undefined ? [] : [`the caller got a bad ${flaw}`]
  if (flaw === undefined && rest !== '')
    found.push(`the caller got stray bytes ${JSON.stringify(rest.slice(0, 60))}`)
  if (most !== undefined && messages.length > most) found.push('the caller got an answer too many')
  return found
}

/** Calls the same tool on a new connection; returns the problems. */
async function probe(port: number, path: string, route: string): Promise<string[]> {
  const target = `/${route}${path}`
  const call = async (): Promise<Message | undefined> => {
    const caller = new Caller(port, ['GET'])
    try {
      await caller.send(
        [`GET ${target} HTTP/1.1\r\nHost: ${route}.test\r\nConnection: close\r\n\r\n`],
        () => true,
      )
      await caller.answers(1)
      return caller.finals()[0]
    } finally {
      caller.destroy()
    }
  }
  try {
    const answer = await eventually(async () => {
      const found = await call()
      if (found === undefined || statusOf(found.start) >= 500) throw new Error(found?.start ?? 'no answer')
      return found
    }, RECOVERY_MS)
    return isFor(answer, target)
      ? []
      : [`the next caller got what is not its own: ${answer.start} ${answer.body.slice(0, 40)}`]
  } catch (error) {
    return [`the next caller was not served: ${String(error)}`]
  }
}

function isFor({ start, fields, body }: Message, target: string): boolean {
  return statusOf(start) === 200 && valuesOf(fields, MARK)[0] === markFor(target) && body === `for ${target}`
}

function isTools(message: Message | undefined): boolean {
  return message !== undefined && valuesOf(message.fields, MARK).length > 0
}

function saysClose({ start, fields }: Message): boolean {
  const options = valuesOf(fields, 'connection').join(',').toLowerCase().split(/[ ,]+/)
  return start.startsWith('HTTP/1.0') ? !options.includes('keep-alive') : options.includes('close')
}

function grouped(messages: readonly Message[]): Answered[] {
  const answers: Answered[] = []
  let interims: number[] = []
  for (const message of messages) {
    if (isInterim(message.start)) interims.push(statusOf(message.start))
    else {
      answers.push({ message, interims })
      interims = []
    }
  }
  return answers
}

function byteByByte(step: Step): Step[] {
  return isBytes(step) ? Array.from(step).flatMap((byte) => [byte, 1]) : [step]
}

function isBytes(step: Step): step is string {
  return typeof step === 'string'
}

/** The methods of all request lines in the bytes. A case without a request line counts as one GET. */
function methodsIn(steps: readonly Step[]): string[] {
  const text = steps.filter(isBytes).join('')
  const found = [...text.matchAll(/(?:^|\n)([A-Za-z]+) [^\r\n]* HTTP\/1\.[01]\r\n/g)].map(
    ([, method = '']) => method,
  )
  return found.length > 0 ? found : ['GET']
}
