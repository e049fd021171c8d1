/**
 * The kinds of values that a key can have. A field is a zod schema whose messages say what is expected and what to
 * write, with both texts for the table. A message has two lines, what is wrong and the remedy; `adviceIn` takes it
 * apart. Must not know the keys.
 */
import * as z from 'zod'
import type { Advice, Parsed } from './problems.ts'
import { show } from './show.ts'

export interface Field<Schema extends z.ZodType = z.ZodType> {
  readonly schema: Schema
  /** Type and bounds: `a whole number from 1 to 10000`. */
  readonly expected: string
  /** A good value, as YAML. */
  readonly example: string
}

type Says = (issue: { readonly input?: unknown }) => string

interface Expected {
  readonly what: string
  readonly example: string
}

/** Settings are whole milliseconds, so a shorter duration would be none. */
const SHORTEST_SECONDS = 0.001

/** The message for a value that is missing, empty, of another type or out of bounds. */
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

/** `make` gets the message for every value that is not the expected one. */
export function field<Schema extends z.ZodType>(
  { what: expected, example }: Expected,
  make: (error: Says) => Schema,
): Field<Schema> {
  return { schema: make(says(expected, example)), expected, example }
}

export function whole({ from, to, example }: NumberBounds) {
  return field({ what: `a whole number from ${from} to ${to}`, example: String(example) }, (error) =>
    z.number({ error }).int({ error }).min(from, { error }).max(to, { error }),
  )
}

export function decimal({ from, to, example }: NumberBounds) {
  return field({ what: `a number from ${from} to ${to}`, example: String(example) }, (error) =>
    z.number({ error }).min(from, { error }).max(to, { error }),
  )
}

/** Fractions are allowed. */
export function seconds({ to, example }: Omit<NumberBounds, 'from'>) {
  return field({ what: `a number of seconds above 0 and up to ${to}`, example: String(example) }, (error) =>
    z.number({ error }).min(SHORTEST_SECONDS, { error }).max(to, { error }),
  )
}

export function yesOrNo() {
  return field({ what: 'true or false', example: 'true' }, (error) => z.boolean({ error }))
}

export function oneOf<const Word extends string>(words: readonly [Word, ...Word[]]) {
  return field({ what: listed(words), example: words[0] }, (error) => z.enum(words, { error }))
}

/** Text that `parse` accepts. What `parse` says of other text is the message. */
export function text(parse: (value: string) => Parsed<unknown>, expected: Expected) {
  return field(expected, (error) =>
    z.string({ error }).superRefine((value, context) => check(parse(value), context)),
  )
}

export function textOrNumber(parse: (value: string | number) => Parsed<unknown>, expected: Expected) {
  return field(expected, (error) => {
    const number = z.number({ error }).int({ error }).min(0, { error })
    return z
      .union([z.string(), number], { error })
      .superRefine((value, context) => check(parse(value), context))
  })
}

/** A map with these keys and no others. */
export function map<Shape extends z.ZodRawShape>(expected: Expected, shape: Shape) {
  return field(expected, (error) => z.strictObject(shape, { error }))
}

/** The word `none`, or a map. The map stands last: shape.ts looks there for what is wrong in a map. */
export function noneOr<Schema extends z.ZodType>(expected: Expected, inMap: Field<Schema>) {
  return field(expected, (error) => z.union([z.literal('none'), inMap.schema], { error }))
}

export function twoLines(what: string, remedy: string): string {
  return `${what}\n${remedy}`
}

/** The reverse of `twoLines`. A message of zod's own has one line only. */
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
