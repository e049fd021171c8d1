/**
 * A small model of how servers read the path of a request: each decodes once, and they differ in all the rest.
 * Written on its own, byte by byte, so that it shares no mistake with src/route.
 */
export interface ServerManner {
  /** %2F, and %5C, are slashes. */
  readonly slash: boolean
  readonly backslash: boolean
  /** Where a path parameter begins: nowhere, at a `;`, or at a `%3B`, too. */
  readonly parameters: 'kept' | 'cut' | 'cut after decoding'
  readonly mergesSlashes: boolean
  readonly ignoresCase: boolean
}

/** The segments of the resource that this server finds for a path. */
export function resourceAt(path: string, manner: ServerManner): readonly string[] {
  let text = ''
  let isInParameters = false
  for (let at = 0; at < path.length; at++) {
    const isEscape = /^%[0-9a-f]{2}$/i.test(path.slice(at, at + 3))
    const letter = isEscape ? String.fromCharCode(parseInt(path.slice(at + 1, at + 3), 16)) : (path[at] ?? '')
    if (isEscape) at += 2
    const isSlash = letter === '/' ? !isEscape || manner.slash : letter === '\\' && manner.backslash
    if (isSlash) isInParameters = false
    else if (letter === ';' && manner.parameters !== 'kept')
      isInParameters ||= !isEscape || manner.parameters === 'cut after decoding'
    if (isInParameters) continue
    // A slash that is part of a name stays apart from one between names.
    text += isSlash ? '/' : letter === '/' ? '\u2044' : letter
  }
  const segments = text.split('/').slice(1)
  const kept = manner.mergesSlashes ? segments.filter((segment) => segment !== '') : segments
  return manner.ignoresCase ? kept.map((segment) => segment.toLowerCase()) : kept
}
