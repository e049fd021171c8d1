/**
 * A small model of how servers read the path of a request: each decodes once, and they differ in the rest. It shares no
 * code with src/route, so that it shares no mistake with it.
 */
export interface ServerManner {
  /** %2F is a slash. */
  readonly slash: boolean
  /** `\` and %5C are slashes. */
  readonly backslash: boolean
  /** Path parameters are part of the name, start at `;`, or start at `;` and at `%3B`. */
  readonly parameters: 'kept' | 'cut' | 'cut after decoding'
  readonly mergesSlashes: boolean
  readonly ignoresCase: boolean
}

/** The segments of the resource that the server finds for a path. */
export function resourceAt(path: string, manner: ServerManner): readonly string[] {
  let text = ''
  let isInParameters = false
  for (let at = 0; at < path.length; at++) {
    const isEscape = /^%[0-9a-f]{2}$/i.test(path.slice(at, at + 3))
    const character = isEscape
      ? String.fromCharCode(parseInt(path.slice(at + 1, at + 3), 16))
      : (path[at] ?? '')
    if (isEscape) at += 2
    const isSlash = character === '/' ? !isEscape || manner.slash : character === '\\' && manner.backslash
    if (isSlash) isInParameters = false
    else if (character === ';' && manner.parameters !== 'kept')
      isInParameters ||= !isEscape || manner.parameters === 'cut after decoding'
    if (isInParameters) continue
    // A slash that is part of a name stays distinct from a slash between names.
    text += isSlash ? '/' : character === '/' ? '\u2044' : character
  }
  const segments = text.split('/').slice(1)
  const kept = manner.mergesSlashes ? segments.filter((segment) => segment !== '') : segments
  return manner.ignoresCase ? kept.map((segment) => segment.toLowerCase()) : kept
}
