/**
 * A value as a message shows it: short, on one line, and without secrets. Pure. Must not know which key the value is
 * of.
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

/** Takes out what stands before `@` and after `?`, where URLs have credentials. */
function withoutSecrets(text: string): string {
  return text.replace(/^.*@/s, '***@').replace(/\?.*$/s, '?***')
}

function shortened(text: string): string {
  return text.length <= LONGEST_SHOWN ? text : `${text.slice(0, LONGEST_SHOWN)}...`
}
