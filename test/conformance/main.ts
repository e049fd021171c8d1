/**
 * Runs the table of RFC 9110 and RFC 9112 against Spillway, nginx and HAProxy, one after the other, and writes
 * docs/conformance.md. A program that is not installed is named and left out. A run takes half a minute.
 *
 *     node test/conformance/main.ts
 */
import { writeFile } from 'node:fs/promises'
import { page } from './page.ts'
import type { Run } from './page.ts'
import { haproxy, nginx, spillway } from './proxies.ts'
import type { Proxy, Tools } from './proxies.ts'
import { CASES, Placement } from './table.ts'

const PAGE = new URL('../../docs/conformance.md', import.meta.url)

async function run(start: (tools: Tools) => Promise<Proxy | undefined>): Promise<Run | undefined> {
  await using placement = await Placement.of(CASES)
  await using proxy = await start(placement.tools)
  if (proxy === undefined) return undefined
  const results = await placement.run(proxy)
  const broken = results.filter(({ problems }) => problems.length > 0).length
  console.log(`${proxy.name} ${proxy.version}: ${CASES.length} cases, ${broken} with violations`)
  return { name: proxy.name, version: proxy.version, results }
}

const runs: Run[] = []
for (const [name, start] of Object.entries({ spillway, nginx, haproxy })) {
  const one = await run(start)
  if (one === undefined) console.log(`NOT RUN: ${name} is not installed; run: apt-get install -y ${name}`)
  else runs.push(one)
}
await writeFile(PAGE, page(runs, new Date().toISOString().slice(0, 10)))
console.log('written: docs/conformance.md')
