/**
 * The whole table of cases, and the code that runs it. Each case has its own tool, its own route and, in Spillway, its own
 * lane, so that cases run in parallel without affecting each other.
 */
import { ANSWER_FRAMING } from './answers/framing.ts'
import { ANSWER_HEADS } from './answers/heads.ts'
import { ANSWER_INTERIMS } from './answers/interims.ts'
import { ANSWER_LEFTOVERS } from './answers/leftovers.ts'
import type { Case } from './case.ts'
import { judge } from './judge.ts'
import type { Judged } from './judge.ts'
import { fill, observe } from './observe.ts'
import type { Observation, Placed } from './observe.ts'
import { Origin } from './origin.ts'
import type { Proxy, Tools } from './proxies.ts'
import { CHUNKS } from './requests/chunks.ts'
import { CODINGS } from './requests/codings.ts'
import { CONNECTION } from './requests/connection.ts'
import { EXPECTATIONS } from './requests/expectations.ts'
import { FIELDS } from './requests/fields.ts'
import { HOSTS } from './requests/hosts.ts'
import { LENGTHS } from './requests/lengths.ts'
import { LINES } from './requests/lines.ts'
import { SEQUENCES } from './requests/sequences.ts'

/** Number of cases that run at once. A case spends most of its time waiting. */
const AT_ONCE = 16

export interface Section {
  readonly title: string
  readonly of: 'requests' | 'answers'
  readonly cases: readonly Case[]
}

export const SECTIONS: readonly Section[] = [
  { title: 'Content-Length', of: 'requests', cases: LENGTHS },
  { title: 'Transfer-Encoding', of: 'requests', cases: CODINGS },
  { title: 'Chunks and trailers', of: 'requests', cases: CHUNKS },
  { title: 'Host and the forms of targets', of: 'requests', cases: HOSTS },
  { title: 'The request line', of: 'requests', cases: LINES },
  { title: 'Fields', of: 'requests', cases: FIELDS },
  { title: 'One connection', of: 'requests', cases: CONNECTION },
  { title: 'Expect and Upgrade', of: 'requests', cases: EXPECTATIONS },
  { title: 'Several requests', of: 'requests', cases: SEQUENCES },
  { title: 'Framing of answers', of: 'answers', cases: ANSWER_FRAMING },
  { title: 'No body, and bytes after an answer', of: 'answers', cases: ANSWER_LEFTOVERS },
  { title: 'Heads of answers', of: 'answers', cases: ANSWER_HEADS },
  { title: 'Interim and early answers', of: 'answers', cases: ANSWER_INTERIMS },
]

export const CASES: readonly Case[] = SECTIONS.flatMap(({ cases }) => cases)

/** Cases with their listening tools. */
export class Placement implements AsyncDisposable {
  readonly placed: readonly Placed[]
  readonly tools: Tools

  private constructor(placed: readonly Placed[], tools: Tools) {
    this.placed = placed
    this.tools = tools
  }

  static async of(cases: readonly Case[]): Promise<Placement> {
    const tools = new Map<string, number>()
    const placed: Placed[] = []
    for (const [index, one] of cases.entries()) {
      const route = `c${index}`
      const origin = new Origin(scriptFor(one, route))
      tools.set(route, await origin.listen())
      placed.push({ case: one, origin, route })
    }
    return new Placement(placed, tools)
  }

  /** Runs all cases against this proxy; the results have the order of the cases. */
  async run(proxy: Proxy): Promise<Judged[]> {
    const seen = await this.observe(proxy)
    return this.placed.map((placed, index) => judge(placed.case, seen[index]!, placed.route))
  }

  /** Runs all cases and returns the observations, unjudged, in the order of the cases. */
  async observe(proxy: Proxy): Promise<Observation[]> {
    const results: Observation[] = []
    const waiting = [...this.placed.entries()]
    const work = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const [index, placed] = next
        results[index] = await observe(proxy.port, placed)
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
    return results
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.placed.map(({ origin }) => origin.close()))
  }
}

function scriptFor({ answer }: Case, route: string): Case['answer'] {
  if (answer === undefined) return undefined
  return { ...answer, send: answer.send.map((step) => (typeof step === 'string' ? fill(step, route) : step)) }
}
