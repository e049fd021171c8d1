/**
 * What to say about a key that has no meaning where it stands: the key that was meant, the place where the key belongs,
 * or the keys that are known here. Pure. Must not know positions.
 */
import { LANE_KEYS } from './keys/lane.ts'
import { PROCESS_KEYS } from './keys/process.ts'
import { TOOL_KEYS } from './keys/tool.ts'
import type { Path } from './paths.ts'
import type { Advice } from './problems.ts'
import { fileSchema } from './schema.ts'
import { nearest, sameInCamelCase } from './suggest.ts'

export interface UnknownKey extends Advice {
  /** The key that was probably meant, in the same map. */
  readonly meant: string | undefined
}

interface Kind {
  readonly keys: readonly string[]
  /** How a message names the place. */
  readonly place: string
}

const TOP: Kind = { keys: Object.keys(fileSchema.shape), place: 'at the top level' }
const LANE: Kind = { keys: Object.keys(LANE_KEYS), place: 'in a tool or in defaults' }
const TOOL: Kind = { keys: Object.keys(TOOL_KEYS), place: 'in a tool' }
const INNER = innerMaps()

/** `path` is that of the map that holds the key. */
export function adviseOnKey(key: string, path: Path): UnknownKey {
  const known = kindOf(path).keys
  const restyled = sameInCamelCase(key, known)
  if (restyled !== undefined) return { meant: restyled, what: 'unknown key', remedy: `write ${restyled}` }
  if (key === '<<') {
    const remedy = 'write what tools share in defaults, or an alias as a whole value'
    return { meant: undefined, what: 'merge keys are not part of YAML 1.2', remedy }
  }
  const home = [TOP, LANE, TOOL, ...INNER.values()].find(({ keys }) => keys.includes(key))
  if (home !== undefined) {
    return { meant: undefined, what: 'has no meaning here', remedy: `write it ${home.place}` }
  }
  const meant = nearest(key, known)
  if (meant !== undefined) return { meant, what: 'unknown key', remedy: `did you mean ${meant}?` }
  return { meant, what: 'unknown key', remedy: `remove it, or write one of ${known.join(', ')}` }
}

function kindOf(path: Path): Kind {
  const last = path.at(-1)
  if (last === undefined) return TOP
  if (path.length === 1) return last === 'fleet' ? (INNER.get(last) ?? LANE) : LANE
  if (path.length === 2 && path[0] === 'tools') return TOOL
  // An entry of a list.
  if (typeof last === 'number') return INNER.get('match') ?? LANE
  return INNER.get(last) ?? LANE
}

/** The maps inside a tool, and `fleet`. */
function innerMaps(): ReadonlyMap<string, Kind> {
  const maps = Object.entries({ ...TOOL_KEYS, fleet: PROCESS_KEYS.fleet }).flatMap(([name, row]) => {
    const inner = row.kind === 'section' ? row.keys : row.parts
    const place = name === 'match' ? 'in an entry of match' : `in ${name}`
    return inner === undefined ? [] : [[name, { keys: Object.keys(inner), place }] as const]
  })
  return new Map(maps)
}
