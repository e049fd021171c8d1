/**
 * One run of the demo: new tools, the agents, a line of progress each second, and the figures. The two runs differ only in
 * the route, which decides where the agents send their calls.
 */
import { delay, systemClock } from '../../time/system.ts'
import { scriptBeside } from './children.ts'
import type { Children } from './children.ts'
import { figuresOf } from './figures.ts'
import type { Figures } from './figures.ts'
import { startFleet } from './fleet.ts'
import type { Fleet } from './fleet.ts'
import type { Counts } from './tool.ts'
import { SEED } from './workload.ts'
import type { ToolName } from './workload.ts'

const PROGRESS_EVERY_MS = 1000

/** URLs to which `/call` is appended. */
export type Bases = Readonly<Record<ToolName, string>>

export type Show = (line: string) => void

export interface RunParts {
  readonly children: Children
  readonly show: Show
  /** Returns the URLs for the agents, given the URLs of the tools. */
  readonly route: (tools: Bases) => Promise<Bases>
}

export async function run({ children, show, route }: RunParts): Promise<Figures> {
  const flaky = await startTool(children, 'flaky')
  const healthy = await startTool(children, 'healthy')
  const bases = await route({ flaky: flaky.ready, healthy: healthy.ready })
  const fleet = startFleet({ flaky: `${bases.flaky}/call`, healthy: `${bases.healthy}/call` })
  const ask = (): Promise<Counts> => {
    children.assertAlive()
    return countsOf(flaky.ready)
  }
  await watch(fleet, { show, counts: ask })
  const counts = await ask()
  await Promise.all([flaky.stop(), healthy.stop()])
  return figuresOf({ ...fleet, counts })
}

async function startTool(children: Children, tool: ToolName) {
  const program = { name: `the tool ${tool}`, script: scriptBeside('./tool'), args: [tool, String(SEED)] }
  return children.start(program, (line) => `http://127.0.0.1:${(JSON.parse(line) as { port: number }).port}`)
}

async function countsOf(tool: string): Promise<Counts> {
  const response = await fetch(`${tool}/counts`)
  return (await response.json()) as Counts
}

/** Shows a line of progress each second until the last agent is done. */
async function watch(
  fleet: Fleet,
  { show, counts }: { show: Show; counts: () => Promise<Counts> },
): Promise<void> {
  const startedAtMs = systemClock.nowMs()
  const done = fleet.finished.then(() => true)
  while (!(await Promise.race([done, delay(PROGRESS_EVERY_MS)]))) {
    const seconds = Math.round((systemClock.nowMs() - startedAtMs) / 1000)
    show(`${String(seconds).padStart(3)} s  ${progress(await counts(), fleet)}`)
  }
}

function progress({ running, answered, failed, wasted }: Counts, fleet: Fleet): string {
  const calls = fleet.records.filter(({ tool }) => tool === 'flaky')
  const succeeded = calls.filter((record) => record.succeeded).length
  const tool = `${running} at once, ${answered} answered, ${failed} failed, ${wasted} wasted`
  return `at the tool: ${tool}; for the agents: ${succeeded} succeeded, ${calls.length - succeeded} given up`
}
