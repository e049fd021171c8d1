/**
 * `spillway demo`: runs the same burst of agents twice, with real processes on loopback: first straight at a tool that slows
 * down and fails when overloaded, then through Spillway. It prints the course of each run, and both runs side by side at the
 * end. Its processes and files are removed also after an error or an interrupt.
 */
import { Children } from './demo/children.ts'
import { limitPath } from './demo/narration.ts'
import type { LimitMove } from './demo/narration.ts'
import { run } from './demo/run.ts'
import { routeThrough, Scratch } from './demo/spillway.ts'
import { comparison } from './demo/table.ts'
import {
  AGENTS,
  BURST_MS,
  QUIET_MS,
  TIMEOUT_MS,
  TOOL_SETTINGS,
  TRIES,
  WARM_UP_MS,
  WORKERS,
} from './demo/workload.ts'
import { EXIT } from './exit.ts'

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export async function demo(): Promise<typeof EXIT.ok | typeof EXIT.failure> {
  const children = new Children()
  const scratch = new Scratch()
  const interrupt = listenForInterrupt()
  try {
    const end = await Promise.race([compare(children, scratch), interrupt.happened])
    if (end === 'interrupted') show('\ninterrupted; stopping everything')
    return end === 'interrupted' ? EXIT.failure : EXIT.ok
  } catch (error) {
    process.stderr.write(`the demo failed: ${error instanceof Error ? error.message : String(error)}\n`)
    return EXIT.failure
  } finally {
    await children.close()
    scratch.close()
    interrupt.close()
  }
}

async function compare(children: Children, scratch: Scratch): Promise<'compared'> {
  show(introduction())
  show('--- 1 of 2: straight at the tool ---\n')
  const direct = await run({ children, show, route: (tools) => Promise.resolve(tools) })
  show('\n--- 2 of 2: through Spillway ---\n')
  const moves: LimitMove[] = []
  const onMove = (move: LimitMove): void => void moves.push(move)
  const parts = { children, show, file: scratch.file, onMove }
  const through = await run({ children, show, route: (tools) => routeThrough(tools, parts) })
  await children.close()
  show(`\n--- both runs: the same agents, tools and seed ---\n\n${comparison(direct, through)}`)
  show(`how the limit moved: ${limitPath(moves)}`)
  show('\nNext: put your own tools into tools.yaml, `npm start -- check` it, and `npm start`.')
  return 'compared'
}

function introduction(): string {
  const { knee, fastestMs, slowestMs } = TOOL_SETTINGS.flaky
  return `${AGENTS} agents call two tools, which are processes on this machine: first without Spillway, then with it.
The flaky tool answers in ${fastestMs} to ${slowestMs} ms while it runs at most ${knee.calls} calls; with more it slows down, and then it fails.
The agents share ${WORKERS} workers, wait ${TIMEOUT_MS / 1000} s for an answer, and try ${TRIES} times. The healthy tool is called all the time;
after ${(WARM_UP_MS + QUIET_MS) / 1000} s all agents want the flaky one too, for ${BURST_MS / 1000} s.
`
}

function show(line: string): void {
  process.stdout.write(`${line}\n`)
}

function listenForInterrupt(): { readonly happened: Promise<'interrupted'>; close(): void } {
  let onSignal = (): void => undefined
  const happened = new Promise<'interrupted'>((resolve) => {
    onSignal = () => resolve('interrupted')
  })
  for (const signal of STOP_SIGNALS) process.on(signal, onSignal)
  return {
    happened,
    close: () => {
      for (const signal of STOP_SIGNALS) process.off(signal, onSignal)
    },
  }
}
