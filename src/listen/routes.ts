/**
 * A table of paths and methods: which row answers a request, which methods a path takes, and the table as text for people.
 * Pure. Must not know what the rows do.
 */
import { page } from '../reply/admin.ts'
import type { Answer } from '../reply/answer.ts'
import type { HttpExchange } from './http-exchange.ts'

/** What a row's handler gets of a request. */
export interface AdminRequest extends HttpExchange {
  /** The segment of the path that stands where the row has capitals, decoded; empty for a row without one. */
  readonly name: string
}

export interface AdminRoute {
  /** GET serves HEAD, too. */
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** A segment in capitals, such as TOOL, stands for any name. */
  readonly path: string
  /** For people: what it does, or the body it takes. */
  readonly about: string
  /** 'taken': the handler answers by itself, now or later. */
  readonly answer: (asked: AdminRequest) => Answer | 'taken' | Promise<Answer | 'taken'>
}

export type FoundRoute =
  | { readonly kind: 'route'; readonly route: AdminRoute; readonly name: string }
  /** `path` is the row's. */
  | { readonly kind: 'wrong_method'; readonly path: string; readonly methods: readonly string[] }
  | { readonly kind: 'no_such_path' }

export function findRoute(routes: readonly AdminRoute[], method: string, path: string): FoundRoute {
  const rows = routes.flatMap((route) => {
    const name = nameIn(route.path, path)
    return name === undefined ? [] : [{ route, name }]
  })
  const [first] = rows
  if (first === undefined) return { kind: 'no_such_path' }
  const wanted = method === 'HEAD' ? 'GET' : method
  const row = rows.find(({ route }) => route.method === wanted)
  if (row !== undefined) return { kind: 'route', ...row }
  return { kind: 'wrong_method', path: first.route.path, methods: rows.map(({ route }) => route.method) }
}

/** The answer to GET / */
export function listOf(routes: readonly AdminRoute[]): Answer {
  const width = Math.max(...routes.map(({ path }) => path.length))
  const lines = routes.map(
    ({ method, path, about }) => `${method.padEnd('DELETE'.length)} ${path.padEnd(width)}  ${about}`,
  )
  return page('text/plain; charset=utf-8', `spillway admin\n${lines.join('\n')}\n`)
}

/** The name in a path that has the row's form; undefined when it has another form. */
function nameIn(row: string, path: string): string | undefined {
  const wanted = row.split('/')
  const given = path.split('/')
  if (wanted.length !== given.length) return undefined
  let name = ''
  for (const [index, segment] of given.entries()) {
    const isName = /^[A-Z]+$/.test(wanted[index] ?? '')
    if (isName ? segment === '' : segment !== wanted[index]) return undefined
    if (isName) name = decode(segment)
  }
  return name
}

/** A segment of a path as it was meant. */
function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
