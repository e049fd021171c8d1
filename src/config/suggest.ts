/**
 * Which known word the writer of an unknown word meant: the same word in another case or in snake_case, a word that
 * begins alike, or one that differs by at most two letters. Pure. Must not know which words are known where.
 */
const MOST_SLIPS = 2
/** A shorter beginning fits too many words. */
const SHORTEST_BEGINNING = 3

export function sameInCamelCase(word: string, known: readonly string[]): string | undefined {
  const plain = withoutStyle(word)
  return known.find((candidate) => withoutStyle(candidate) === plain)
}

export function nearest(word: string, known: readonly string[]): string | undefined {
  const plain = withoutStyle(word)
  const beginsAlike = known.find((candidate) => isBeginning(plain, withoutStyle(candidate)))
  const slips = known
    .map((candidate) => ({ candidate, distance: distance(plain, withoutStyle(candidate)) }))
    .filter(
      ({ candidate, distance }) =>
        distance <= MOST_SLIPS && distance < Math.min(plain.length, candidate.length) / 2,
    )
    .sort((a, b) => a.distance - b.distance)
  return slips[0]?.candidate ?? beginsAlike
}

function withoutStyle(word: string): string {
  return word.replaceAll(/[_-]/g, '').toLowerCase()
}

function isBeginning(a: string, b: string): boolean {
  return Math.min(a.length, b.length) >= SHORTEST_BEGINNING && (a.startsWith(b) || b.startsWith(a))
}

/** The Levenshtein distance, one row at a time. Words of very different length are not compared. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > MOST_SLIPS) return MOST_SLIPS + 1
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [i, letter] of Array.from(a).entries()) {
    const next = [i + 1]
    for (const [j, other] of Array.from(b).entries()) {
      const change = (row[j] ?? 0) + (letter === other ? 0 : 1)
      next.push(Math.min(change, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
