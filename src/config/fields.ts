/**
 * The kinds of values a setting can have, as zod schemas whose messages say what is expected and what to write.
 * A message is two lines, what is wrong and the remedy, as `adviceIn` takes it apart. Must not know the settings.
 */
import * as z from 'zod'
import type { Advice, Parsed } from './problems.ts'
import { show } from './show.ts'

type Says = (issue: { readonly input?: unknown }) => string

/** The shortest duration: anything shorter would be no whole millisecond. */
const SHORTEST_SECONDS = 0.001

/** One answer for every way in which a value can miss `expected`. */
export function says(expected: string, example: string): Says {
  const remedy = `write for example ${example}`
  return ({ input }) => {
    if (input === undefined) return `is missing\n${remedy}`
    if (input === null) return `is empty\n${remedy}`
    return `must be ${expected}, not ${show(input)}\n${remedy}`
  }
}

interface NumberBounds {
  readonly from: number
  readonly to: number
  readonly example: number
}

export function whole({ from, to, example }: NumberBounds) {
  const error = says(`a whole number from ${from} to ${to}`, String(example))
  return z.number({ error }).int({ error }).min(from, { error }).max(to, { error })
}

export function decimal({ from, to, example }: NumberBounds) {
  const error = says(`a number from ${from} to ${to}`, String(example))
  return z.number({ error }).min(from, { error }).max(to, { error })
}

/** Fractions are welcome. */
export function seconds({ to, example }: Omit<NumberBounds, 'from'>) {
  const error = says(`a number of seconds above 0 and up to ${to}`, String(example))
  return z.number({ error }).min(SHORTEST_SECONDS, { error }).max(to, { error })
}

export function yesOrNo() {
  return z.boolean({ error: says('true or false', 'true') })
}

export function oneOf<const T extends string>(words: readonly [T, ...T[]]) {
  return z.enum(words, { error: says(listed(words), words[0]) })
}

/** Text that `parse` takes; its refusal is the message. */
export function text(parse: (value: string) => Parsed<unknown>, expected: { what: string; example: string }) {
  return z
    .string({ error: says(expected.what, expected.example) })
    .superRefine((value, context) => check(parse(value), context))
}

export function textOrNumber(
  parse: (value: string | number) => Parsed<unknown>,
  expected: { what: string; example: string },
) {
  const error = says(expected.what, expected.example)
  const number = z.number({ error }).int({ error }).min(0, { error })
  return z
    .union([z.string(), number], { error })
    .superRefine((value, context) => check(parse(value), context))
}

export function twoLines(what: string, remedy: string): string {
  return `${what}\n${remedy}`
}

/** The reverse of `twoLines`; a message of zod's own has one line. */
export function adviceIn(message: string): Advice {
  const [what = '', remedy = 'write a value of the right kind'] = message.split('\n')
  return { what, remedy }
}

function check(parsed: Parsed<unknown>, context: { addIssue: (message: string) => void }): void {
  if (!parsed.ok) context.addIssue(twoLines(parsed.what, parsed.remedy))
}

/** `a`, `a or b`, `a, b or c`. */
function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}`
}
