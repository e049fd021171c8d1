/**
 * Which value of a lane key counts: the tool's own, else that of `defaults`, else the default of its row. The keys
 * inside `controller`, `priority`, `retryAfter` and `retries` are found one by one. Must not know which values are
 * valid.
 */
import { TOOL_ROWS } from './keys/list.ts'
import { formatPath, valueAt } from './paths.ts'
import type { Path } from './paths.ts'

export interface Effective {
  readonly value: unknown
  /** Where the value was written; undefined for a built-in value. */
  readonly path: Path | undefined
  /** 0 for the tool's own, 1 for `defaults`, 2 for built in. */
  readonly depth: number
}

const ROW_OF = new Map(TOOL_ROWS.map((row) => [row.name, row.key]))
const ALGORITHM = 'controller.algorithm'

/** The value that counts for a tool at a lane key such as `['controller', 'decreaseBy']`. */
export function effective(written: object, tool: string, key: Path): Effective | undefined {
  for (const [depth, path] of layersOf(tool, key).entries()) {
    const value = valueAt(written, path)
    if (value !== undefined) return { value, path, depth }
  }
  const value = builtIn(written, tool, key)
  return value === undefined ? undefined : { value, path: undefined, depth: 2 }
}

function layersOf(tool: string, key: Path): readonly Path[] {
  return [
    ['tools', tool, ...key],
    ['defaults', ...key],
  ]
}

function builtIn(written: object, tool: string, key: Path): unknown {
  const name = formatPath(key)
  const row = ROW_OF.get(name)
  const isMcp = valueAt(written, ['tools', tool, 'mcp']) !== undefined
  const fallback = (isMcp ? row?.withMcp : undefined) ?? row?.default
  if (fallback?.kind !== 'given') return undefined
  return name === ALGORITHM ? (impliedAlgorithm(written, tool) ?? fallback.value) : fallback.value
}

/** Figures without an algorithm mean the algorithm that has these figures. */
function impliedAlgorithm(written: object, tool: string): string | undefined {
  const figure = TOOL_ROWS.find(
    ({ key, path }) =>
      key.under !== undefined && layersOf(tool, path).some((layer) => valueAt(written, layer) !== undefined),
  )
  return figure?.key.under
}
