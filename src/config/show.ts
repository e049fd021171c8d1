/**
 * A value as a message may show it: short, on one line, and without what could be a secret.
 * Pure. Must not know which setting the value belongs to.
 */
const LONGEST_SHOWN = 40

export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(shortened(withoutSecrets(value)))
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list'
  if (typeof value === 'object' && value !== null) {
    return Object.keys(value).length === 0 ? 'an empty map' : 'a map'
  }
  return 'nothing'
}

/** Credentials stand before `@` and after `?`. */
function withoutSecrets(text: string): string {
  return text.replace(/^.*@/s, '***@').replace(/\?.*$/s, '?***')
}

function shortened(text: string): string {
  return text.length <= LONGEST_SHOWN ? text : `${text.slice(0, LONGEST_SHOWN)}...`
}
