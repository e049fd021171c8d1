/**
 * The text of a store driver's error as one line of the log: of bounded length, and without the password even where the
 * driver put it into its message. Pure.
 */
const LONGEST = 200
const CONTROL_CHARACTERS = /\p{Cc}+/gu

/** `url` is the store's: it and its password are replaced by ***. */
export function failureText(error: unknown, url: string): string {
  const said = error instanceof Error ? (firstOf(error) ?? error.name) : 'unknown'
  let reason = said.replace(CONTROL_CHARACTERS, ' ')
  for (const secret of secretsOf(url)) reason = reason.replaceAll(secret, '***')
  return reason.slice(0, LONGEST)
}

/** An AggregateError, about several addresses, has no message: the one of its first error counts. */
function firstOf(error: Error): string | undefined {
  if (error.message !== '') return error.message
  const [first] = error instanceof AggregateError ? (error.errors as unknown[]) : []
  if (first instanceof Error && first.message !== '') return first.message
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

function secretsOf(url: string): string[] {
  if (!URL.canParse(url)) return []
  const { password } = new URL(url)
  return [url, password, decoded(password)].filter((secret) => secret !== '')
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
