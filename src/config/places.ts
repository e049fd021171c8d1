/**
 * The line and column of a key or a value in a YAML text, by its path. A path that is not written has the place of the
 * nearest key above it. Must not know the schema, nor what is wrong at the place.
 */
import { isAlias, isMap, isScalar, isSeq } from 'yaml'
import type { Document, LineCounter, Node } from 'yaml'
import type { Path } from './paths.ts'

export interface Place {
  readonly line: number
  readonly column: number
}

export interface Places {
  of(where: { readonly kind: 'key' | 'value'; readonly path: Path }): Place
}

interface Step {
  readonly key: unknown
  readonly value: unknown
}

export function placesIn(document: Document, lines: LineCounter): Places {
  return {
    of({ kind, path }) {
      let at: unknown = document.contents
      let nearestKey: unknown = undefined
      for (const step of path) {
        const found = stepInto(resolved(at, document), step)
        if (found === undefined) return placeOf(nearestKey ?? document.contents, lines)
        nearestKey = found.key
        at = found.value
      }
      const isAtKey = kind === 'key' || isUnwritten(at)
      return placeOf(isAtKey ? (nearestKey ?? at) : at, lines)
    },
  }
}

export function placeAt(offset: number, lines: LineCounter): Place {
  const { line, col } = lines.linePos(offset)
  return { line: Math.max(line, 1), column: Math.max(col, 1) }
}

/** The name that the key has in the object that the map becomes. */
export function keyText(key: unknown): string {
  const value = isScalar(key) ? key.value : undefined
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
}

function resolved(node: unknown, document: Document): unknown {
  return isAlias(node) ? node.resolve(document) : node
}

function stepInto(node: unknown, step: string | number): Step | undefined {
  if (isSeq(node)) {
    const value = typeof step === 'number' ? node.items[step] : undefined
    return value === undefined ? undefined : { key: value, value }
  }
  // Of two equal keys, the value of the last one counts.
  const pair = isMap(node) ? node.items.findLast(({ key }) => keyText(key) === String(step)) : undefined
  return pair && { key: pair.key, value: pair.value }
}

/** Whether nothing is written after the colon, as in `maxConcurrent:`. */
function isUnwritten(node: unknown): boolean {
  return node === null || (isScalar(node) && node.value === null && (node.source ?? '') === '')
}

function placeOf(node: unknown, lines: LineCounter): Place {
  const offset = (node as Node | null | undefined)?.range?.[0]
  return placeAt(offset ?? 0, lines)
}
