/**
 * The JSON body of an admin request, checked against a schema. A problem is one sentence that says what to write instead.
 * Pure.
 */
import type { z } from 'zod'

export type ParsedBody<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string }

/** `example`: what to write, for the sentence. */
export function parseJson<T>(body: string, schema: z.ZodType<T>, example: string): ParsedBody<T> {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    return { ok: false, problem: `the body is not JSON; ${example}` }
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return { ok: true, value: parsed.data }
  const issue = parsed.error.issues[0]
  const where = issue?.path.join('.') ?? ''
  return { ok: false, problem: `${where} ${issue?.message ?? 'is wrong'}; ${example}`.trim() }
}
