/**
 * One Spillway process for all tests of a file, because a process takes longer to start than most tests to run. Each test
 * gets tools of its own by a reload, under names that no other test has. A test that signals the process must not use it.
 */
import { writeFile } from 'node:fs/promises'
import { after } from 'node:test'
import { parse, stringify } from 'yaml'
import { eventually } from './eventually.ts'
import { startSpillway } from './process.ts'
import type { LaneJson, Spillway } from './process.ts'

interface WrittenTool {
  match?: { path: string }[]
  mcp?: { server?: string }
}
type WrittenTools = Record<string, WrittenTool>

/** What a test sees: its tools under the names that it wrote. */
export interface Share {
  readonly proxy: string
  lane(tool: string): Promise<LaneJson>
  /** The name of the tool in the process. */
  named(tool: string): string
  readonly admin: string
  metrics(): Promise<string>
}

/** Returns a function that adds the tools of one test to the file's process. The process ends with the file. */
export function sharedSpillway(): (yaml: string) => Promise<Share> {
  let starting: Promise<Spillway> | undefined
  const all: WrittenTools = {}
  let shares = 0
  after(async () => (await starting)?.[Symbol.asyncDispose]())
  return async (yaml) => {
    const share = String(++shares)
    const named = (tool: string): string => `${tool}-${share}`
    const { tools } = parse(yaml) as { tools: WrittenTools }
    for (const [tool, written] of Object.entries(tools)) {
      const { mcp } = written
      if (mcp?.server === undefined) written.match = [{ path: `/${share}/${tool}` }]
      else mcp.server = named(mcp.server)
      all[named(tool)] = written
    }
    const text = stringify({ tools: all })
    starting ??= startSpillway(text)
    const spillway = await starting
    if (shares > 1) {
      await writeFile(spillway.file, text)
      spillway.signal('SIGHUP')
    }
    const lane = (tool: string): Promise<LaneJson> => spillway.lane(named(tool))
    for (const tool of Object.keys(tools))
      await eventually(async () => assertPresent(tool, (await lane(tool)).limit))
    const { proxy, admin } = spillway
    return { proxy: `${proxy}/${share}`, admin, lane, named, metrics: () => spillway.metrics() }
  }
}

function assertPresent(tool: string, limit: number | undefined): void {
  if (limit === undefined) throw new Error(`${tool} is not there yet`)
}
