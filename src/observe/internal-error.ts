/**
 * The parts of an error that a log may show: where it happened, and its message without quotations. Messages of node and of
 * JSON.parse quote their input, which may be a key or a piece of a body.
 */

export interface ShownError {
  /** Name and code. */
  readonly error: string
  /** With quoted parts, addresses and credentials left out. */
  readonly message: string
  /** Where it was thrown; empty if unknown. */
  readonly stack: string
}

/** Characters; a longer message quotes its input. */
const MAX_MESSAGE = 200
/** Lines of a stack; later ones are usually node's own. */
const MAX_FRAMES = 12

export function showError(thrown: unknown): ShownError {
  if (!(thrown instanceof Error)) return { error: typeof thrown, message: '', stack: '' }
  const { name, message, stack } = thrown
  const { code } = thrown as NodeJS.ErrnoException
  const frames = typeof stack === 'string' ? stack.split('\n').filter((line) => /^\s+at /.test(line)) : []
  return {
    error: typeof code === 'string' ? `${name} ${code}` : name,
    message: masked(message),
    stack: frames
      .slice(0, MAX_FRAMES)
      .map((line) => line.trim())
      .join('\n'),
  }
}

function masked(message: unknown): string {
  if (typeof message !== 'string') return ''
  return message
    .slice(0, 4 * MAX_MESSAGE)
    .replaceAll(/(["'`])[^]*?(?:\1|$)/g, '$1...$1')
    .replaceAll(/\b[a-z][a-z0-9+.-]*:\/\/\S+/gi, '...')
    .replaceAll(/\b(bearer|basic|token)\s+\S+/gi, '$1 ...')
    .slice(0, MAX_MESSAGE)
}
