/**
 * Mistakes in a YAML tree whose syntax is right: a key that is written twice, a key that is no word, an alias without
 * an anchor. Must not know the schema.
 */
import { isPair, isScalar, isSeq, visit } from 'yaml'
import type { Alias, Document, LineCounter, Node, YAMLMap } from 'yaml'
import { keyText, placeAt } from './places.ts'
import type { Place } from './places.ts'
import { formatPath } from './paths.ts'
import type { Path } from './paths.ts'
import type { Advice } from './problems.ts'
import { show } from './show.ts'

export interface Flaw extends Advice {
  readonly place: Place
  readonly path: string
}

export interface NodeFlaws {
  /** With one of these, no value can be made of the tree. */
  readonly fatal: readonly Flaw[]
  readonly flaws: readonly Flaw[]
  readonly firstAlias: Place
}

export function nodeFlaws(document: Document, lines: LineCounter): NodeFlaws {
  const anchors = new Set<string>()
  const aliases: Place[] = []
  const fatal: Flaw[] = []
  const flaws: Flaw[] = []
  visit(document, {
    Scalar(_, { anchor }) {
      if (anchor !== undefined) anchors.add(anchor)
    },
    Seq(_, { anchor }) {
      if (anchor !== undefined) anchors.add(anchor)
    },
    Alias(_, alias, ancestors) {
      aliases.push(startOf(alias, lines))
      if (!anchors.has(alias.source)) fatal.push(aliasOfNothing(alias, { ancestors, lines }))
    },
    Map(_, map, ancestors) {
      if (map.anchor !== undefined) anchors.add(map.anchor)
      const at = { ancestors, lines }
      const wordless = wordlessKeys(map, at)
      fatal.push(...wordless)
      // Nothing inside such a key has a path that a message could name.
      if (wordless.length > 0) return visit.SKIP
      flaws.push(...repeatedKeys(map, at))
      return undefined
    },
  })
  return { fatal, flaws, firstAlias: aliases[0] ?? { line: 1, column: 1 } }
}

interface At {
  readonly ancestors: readonly unknown[]
  readonly lines: LineCounter
}

function aliasOfNothing(alias: Alias, { ancestors, lines }: At): Flaw {
  const what = `no anchor ${show(alias.source)} stands before this alias`
  const remedy = 'write the value itself, or put quotes around a text that begins with *'
  return { place: startOf(alias, lines), path: formatPath(pathTo(alias, ancestors)), what, remedy }
}

function wordlessKeys(map: YAMLMap, { ancestors, lines }: At): readonly Flaw[] {
  return map.items
    .filter(({ key }) => !isScalar(key))
    .map(({ key }) => ({
      place: startOf(key, lines),
      path: formatPath(pathTo(map, ancestors)),
      what: 'a key is no plain word',
      remedy: 'write a word before the colon; text with { } or [ ] needs quotes',
    }))
}

function repeatedKeys(map: YAMLMap, { ancestors, lines }: At): readonly Flaw[] {
  const first = new Map<string, Place>()
  return map.items.flatMap(({ key }) => {
    const name = keyText(key)
    const place = startOf(key, lines)
    const before = first.get(name)
    if (before === undefined) {
      first.set(name, place)
      return []
    }
    const path = formatPath([...pathTo(map, ancestors), name])
    return [
      { place, path, what: `is written twice, first on line ${before.line}`, remedy: 'keep one of the two' },
    ]
  })
}

function pathTo(node: unknown, ancestors: readonly unknown[]): Path {
  const chain = [...ancestors, node]
  return chain.flatMap((each, index): Path => {
    if (isPair(each)) return [keyText(each.key)]
    const parent = chain[index - 1]
    return isSeq(parent) ? [parent.items.indexOf(each)] : []
  })
}

function startOf(node: unknown, lines: LineCounter): Place {
  return placeAt((node as Node | null)?.range?.[0] ?? 0, lines)
}
