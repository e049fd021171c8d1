/**
 * Patterns for the names of tools: `*` stands for any characters or none, `?` for one character, and no other character
 * is special. Pure. The name comes from the caller, so a match takes time proportional to both lengths at most.
 */

export function isPattern(glob: string): boolean {
  return /[*?]/.test(glob)
}

/** How specific a pattern is: the number of its characters that stand for themselves. */
export function literalCharacters(glob: string): number {
  return glob.replaceAll(/[*?]/g, '').length
}

/** On a mismatch only the last `*` takes one more character. That is enough, and cannot become exponential. */
export function matchesGlob(glob: string, name: string): boolean {
  let at = 0
  let starAt = -1
  /** Where in the name the characters end that the last `*` stands for. */
  let starEnd = 0
  for (let i = 0; i < name.length;) {
    const character = glob[at]
    if (character === '*') {
      starAt = at++
      starEnd = i
    } else if (character === '?' || character === name[i]) {
      at++
      i++
    } else if (starAt === -1) {
      return false
    } else {
      at = starAt + 1
      i = ++starEnd
    }
  }
  while (glob[at] === '*') at++
  return at === glob.length
}
