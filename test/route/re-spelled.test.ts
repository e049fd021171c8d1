/**
 * The promise of routing: two spellings that a decoding server reads as the same resource take the same lane, or are
 * refused.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Router } from '../../src/route/match.ts'
import type { Routable } from '../../src/route/match.ts'
import { parseTarget } from '../../src/route/target.ts'
import { resourceAt } from './decoding-server.ts'
import type { ServerManner } from './decoding-server.ts'

const RUNS = 20_000

const segment = fc.constantFrom('api', 'heavy', 'a', 'b', 'x.y', 'a b')
const plainPath = fc.array(segment, { minLength: 1, maxLength: 4 }).map((names) => `/${names.join('/')}`)
const manner: fc.Arbitrary<ServerManner> = fc.record({
  slash: fc.boolean(),
  backslash: fc.boolean(),
  parameters: fc.constantFrom('kept', 'cut', 'cut after decoding'),
  mergesSlashes: fc.boolean(),
  ignoresCase: fc.boolean(),
})

const tree = fc
  .uniqueArray(plainPath, { minLength: 1, maxLength: 5 })
  .chain((paths) => fc.record({ paths: fc.constant(paths), strip: fc.boolean(), hasRoot: fc.boolean() }))

function toolsOf(
  { paths, strip, hasRoot }: { paths: readonly string[]; strip: boolean; hasRoot: boolean },
  ignoreCase: boolean,
): readonly Routable[] {
  return [...paths, ...(hasRoot ? ['/'] : [])].map((path) => ({
    tool: path,
    match: [{ path, ignoreCase }],
    stripPath: strip,
  }))
}

/** One character of a path in another spelling. Whether that means the same depends on the server. */
function spelled(letter: string, random: number): string {
  const hex = letter.charCodeAt(0).toString(16).padStart(2, '0')
  if (letter === '/')
    return (
      ['/', '/', '//', '%2f', '%2F', '%5c', '/;p=1/', ';p/', '%3Bp/', '/;%2f', '%3b/'][random % 11] ?? '/'
    )
  if (letter === ' ') return '%20'
  return (
    [letter, letter, letter, `%${hex}`, `%${hex.toUpperCase()}`, letter.toUpperCase()][random % 6] ?? letter
  )
}

const respelling = fc
  .tuple(
    plainPath,
    fc.infiniteStream(fc.nat(65)),
    fc.constantFrom('', '/', ';v=1', '%3bv', '//', '/;x', '%2f'),
  )
  .map(([path, randoms, end]) => {
    const written = path.replace(/./g, (letter) => spelled(letter, randoms.next().value as number))
    return { path, written: (written.startsWith('/') ? '' : '/') + written + end }
  })

function routeFor(router: Router<Routable>, path: string): { tool: string; path: string } | undefined {
  const parsed = parseTarget(path.replaceAll(' ', '%20'), ['h'], 1)
  if (parsed.kind === 'problem') return undefined
  const route = router.find(parsed.target)
  if (route.kind === 'ambiguous') return undefined
  if (route.kind === 'none') return { tool: 'none', path: '' }
  return { tool: route.to.tool, path: route.to.stripPath ? route.rest : parsed.target.path }
}

test('a spelling that a decoding server reads as the same resource takes the same lane, or is refused', () => {
  let compared = 0
  let forwarded = 0
  fc.assert(
    fc.property(tree, respelling, manner, (lanes, { path, written }, server) => {
      const same = [path, `${path}/`].some(
        (each) => resourceAt(each, server).join('/') === resourceAt(written, server).join('/'),
      )
      if (!same) return
      const router = new Router(toolsOf(lanes, server.ignoresCase))
      const way = routeFor(router, written)
      compared++
      if (way === undefined) return
      forwarded++
      const plain = routeFor(router, path)
      assert.equal(way.tool, plain?.tool, `${written} for ${path}`)
      // The forwarded path means the same resource, too: the prefix was cut off at its end.
      const merging = { ...server, mergesSlashes: true }
      assert.deepEqual(resourceAt(way.path, merging), resourceAt(plain?.path ?? '', merging), written)
    }),
    { numRuns: RUNS },
  )
  // The property is not empty: many spellings are compared, and enough of them are forwarded.
  assert.ok(compared > RUNS / 50, `${compared} compared`)
  assert.ok(forwarded > compared / 4, `${forwarded} of ${compared} forwarded`)
})

test('the forwarded path is the end of the path that the caller wrote, byte for byte', () => {
  fc.assert(
    fc.property(tree, respelling, fc.boolean(), (lanes, { written }, ignoreCase) => {
      const way = routeFor(new Router(toolsOf(lanes, ignoreCase)), written)
      if (way === undefined || way.tool === 'none') return
      assert.ok(written.endsWith(way.path) || written.endsWith(way.path.slice(1)), `${written} ${way.path}`)
    }),
    { numRuns: RUNS / 4 },
  )
})

test('a plain path and an encoded spelling of it find the same tool, though the look-ups differ', () => {
  fc.assert(
    fc.property(tree, plainPath, fc.boolean(), (lanes, path, ignoreCase) => {
      const router = new Router(toolsOf(lanes, ignoreCase))
      const encoded = path.replace('a', '%61')
      assert.deepEqual(routeFor(router, encoded)?.tool, routeFor(router, path)?.tool)
    }),
  )
})
