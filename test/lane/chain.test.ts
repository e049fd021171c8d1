/**
 * Chain against a plain array: random pushes and removals from any place must leave both with the same first and last
 * item.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Chain } from '../../src/lane/chain.ts'
import type { Link } from '../../src/lane/chain.ts'

test('a chain agrees with an array after removals from any place', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat(9), { nil: undefined }), { maxLength: 60 }), (steps) => {
      const chain = new Chain<number>()
      const links: Link<number>[] = []
      for (const [index, step] of steps.entries()) {
        if (step === undefined) links.push(chain.push(index))
        else {
          const [link] = links.splice(step % Math.max(1, links.length), 1)
          if (link !== undefined) chain.remove(link)
        }
        assert.equal(chain.first, links[0]?.item)
        assert.equal(chain.last, links.at(-1)?.item)
      }
    }),
  )
})
