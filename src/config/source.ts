/**
 * Makes a plain value of YAML text, with the place of everything in it, or says what is wrong with the text. It reads
 * standard YAML 1.2, without tags and with bounded aliases. Must not know what the text means.
 */
import { LineCounter, parseDocument } from 'yaml'
import type { Document, YAMLError } from 'yaml'
import { nodeFlaws } from './node-flaws.ts'
import type { Flaw } from './node-flaws.ts'
import { placeAt, placesIn } from './places.ts'
import type { Places } from './places.ts'
import type { Advice } from './problems.ts'

/** The most nodes that an alias may stand for, times how often it is used. An alias bomb needs thousands. */
const MOST_ALIASED = 1000

export type Source =
  | {
      readonly kind: 'read'
      readonly value: unknown
      readonly places: Places
      readonly flaws: readonly Flaw[]
    }
  /** No value can be made of the text. */
  | { readonly kind: 'unreadable'; readonly flaws: readonly Flaw[] }

const QUOTE = 'correct the YAML here; text that holds : # [ ] { } or begins with * & ! @ % needs quotes'

const ADVICE: Readonly<Record<string, Advice>> = {
  TAB_AS_INDENT: { what: 'a tab indents this line', remedy: 'write spaces' },
  MULTIPLE_DOCS: {
    what: 'a second document begins here',
    remedy: 'write one document, without a --- in the middle',
  },
  TAG_RESOLVE_FAILED: {
    what: 'tags are not read',
    remedy: 'write the plain value, without the word that begins with !',
  },
  RESOURCE_EXHAUSTION: { what: 'is nested too deeply', remedy: 'write settings at most five levels deep' },
}

export function readSource(text: string): Source {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    // nodeFlaws finds these, with both places and the path.
    uniqueKeys: false,
    schema: 'core',
    resolveKnownTags: false,
    logLevel: 'error',
  })
  const broken = syntaxFlaws([...document.errors, ...document.warnings], lines)
  if (broken.length > 0) return { kind: 'unreadable', flaws: broken }
  const { fatal, flaws, firstAlias } = nodeFlaws(document, lines)
  if (fatal.length > 0) return { kind: 'unreadable', flaws: [...fatal, ...flaws] }
  const value = toValue(document)
  if (value.kind === 'too many aliases') {
    return { kind: 'unreadable', flaws: [{ ...TOO_MANY_ALIASES, place: firstAlias, path: '' }] }
  }
  return { kind: 'read', value: value.value, places: placesIn(document, lines), flaws }
}

const TOO_MANY_ALIASES = {
  what: 'aliases stand for more than a configuration can need',
  remedy: 'write what tools share in defaults',
}

/** yaml throws a ReferenceError at an alias bomb. Its other cause, an alias without an anchor, was found before. */
function toValue(
  document: Document,
): { readonly kind: 'value'; readonly value: unknown } | { readonly kind: 'too many aliases' } {
  try {
    return { kind: 'value', value: document.toJS({ maxAliasCount: MOST_ALIASED }) }
  } catch (error) {
    if (error instanceof ReferenceError) return { kind: 'too many aliases' }
    throw error
  }
}

/** One flaw for each place: yaml mostly reports what follows from a mistake at the place of the mistake. */
function syntaxFlaws(errors: readonly YAMLError[], lines: LineCounter): readonly Flaw[] {
  const found = new Map<string, Flaw>()
  for (const { code, message, pos } of errors) {
    const place = placeAt(pos[0], lines)
    const advice = ADVICE[code] ?? { what: lowerFirst(message.replaceAll(/\s+/g, ' ')), remedy: QUOTE }
    const id = code === 'RESOURCE_EXHAUSTION' ? code : `${place.line}:${place.column}`
    if (!found.has(id)) found.set(id, { ...advice, place, path: '' })
  }
  return [...found.values()]
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
