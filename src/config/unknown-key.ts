/**
 * What to tell somebody about a key that has no meaning where it stands: the key they meant, the place it belongs to,
 * or what is known there. Pure. Must not know positions.
 */
import type { Path } from './paths.ts'
import type { Advice } from './problems.ts'
import { KEYS } from './schema.ts'
import { nearest, sameInCamelCase } from './suggest.ts'

export interface UnknownKey extends Advice {
  /** The key that was probably meant, in the same map. */
  readonly meant: string | undefined
}

/** `path` is that of the map that holds the key. */
export function adviseOnKey(key: string, path: Path): UnknownKey {
  const known = kindOf(path).keys
  const restyled = sameInCamelCase(key, known)
  if (restyled !== undefined) return { meant: restyled, what: 'unknown key', remedy: `write ${restyled}` }
  if (key === '<<') {
    const remedy = 'write what tools share in defaults, or an alias as a whole value'
    return { meant: undefined, what: 'merge keys are not part of YAML 1.2', remedy }
  }
  const home = Object.values(KEYS).find(({ keys }) => keys.includes(key))
  if (home !== undefined) {
    return { meant: undefined, what: 'has no meaning here', remedy: `write it ${home.place}` }
  }
  const meant = nearest(key, known)
  if (meant !== undefined) return { meant, what: 'unknown key', remedy: `did you mean ${meant}?` }
  return { meant, what: 'unknown key', remedy: `remove it, or write one of ${known.join(', ')}` }
}

/** The maps inside a lane are known by their own name. */
function isSection(word: string): word is Exclude<keyof typeof KEYS, 'top' | 'lane' | 'tool' | 'match'> {
  return Object.hasOwn(KEYS, word)
}

function kindOf(path: Path): (typeof KEYS)[keyof typeof KEYS] {
  const last = path.at(-1)
  if (last === undefined) return KEYS.top
  if (path.length === 1) return last === 'fleet' ? KEYS.fleet : KEYS.lane
  if (path.length === 2 && path[0] === 'tools') return KEYS.tool
  if (typeof last === 'number') return KEYS.match
  return isSection(last) ? KEYS[last] : KEYS.lane
}
