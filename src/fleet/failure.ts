/**
 * What a driver's error says, in one line for the log: bounded, and without the password, whatever the driver put into
 * it. Pure.
 */
const LONGEST = 200
const CONTROL_CHARACTERS = /\p{Cc}+/gu

/** `url` is the store's: what is secret in it is left out. */
export function failureText(error: unknown, url: string): string {
  const said = error instanceof Error ? (firstOf(error) ?? error.name) : 'unknown'
  let reason = said.replace(CONTROL_CHARACTERS, ' ')
  for (const secret of secretsOf(url)) reason = reason.replaceAll(secret, '***')
  return reason.slice(0, LONGEST)
}

/** An error about several addresses says nothing itself. */
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
