/**
 * Paths into a configuration as written: `['tools', 'github', 'match', 0]` is `tools.github.match[0]`.
 * Pure. Must not know the schema, nor where in a file a path stands (places.ts).
 */
import { show } from './show.ts'

export type Path = readonly (string | number)[]

const PLAIN_KEY = /^[A-Za-z0-9_-]{1,63}$/

export function formatPath(path: Path): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else if (!PLAIN_KEY.test(step)) text += `[${show(step)}]`
    else text += text === '' ? step : `.${step}`
  }
  return text
}

/** The value at a path; undefined when there is none. Own keys only, so that `constructor` is a key like any other. */
export function valueAt(value: unknown, path: Path): unknown {
  let at = value
  for (const step of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined
    at = Reflect.get(at, step)
  }
  return at
}
