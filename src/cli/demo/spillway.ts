/**
 * Runs Spillway as a process of its own, as a user would: `spillway run -c FILE --log text`. Shows its log lines as they
 * arrive.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { scriptBeside } from './children.ts'
import type { Children } from './children.ts'
import { limitMove, listenAddress, shown } from './narration.ts'
import type { LimitMove } from './narration.ts'
import type { Bases, Show } from './run.ts'
import { toolsYaml } from './workload.ts'

/** A temporary folder for the demo's tools.yaml, removed when the demo ends. */
export class Scratch {
  readonly file: string
  readonly #folder: string
  readonly #remove = (): void => rmSync(this.#folder, { recursive: true, force: true })

  constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), 'spillway-demo-'))
    this.file = join(this.#folder, 'tools.yaml')
    process.on('exit', this.#remove)
  }

  /** Idempotent. */
  close(): void {
    this.#remove()
    process.off('exit', this.#remove)
  }
}

export interface SpillwayParts {
  readonly children: Children
  readonly show: Show
  /** Path of the tools.yaml to write. */
  readonly file: string
  readonly onMove: (move: LimitMove) => void
}

/** Starts Spillway in front of the tools; resolves with the URLs at which the agents reach them through Spillway. */
export async function routeThrough(
  tools: Bases,
  { children, show, file, onMove }: SpillwayParts,
): Promise<Bases> {
  const yaml = toolsYaml(tools)
  writeFileSync(file, yaml)
  show(`${file}:\n\n${yaml.replaceAll(/^/gm, '    ').trimEnd()}\n`)
  const program = {
    name: 'spillway',
    script: scriptBeside('../../main'),
    args: ['run', '-c', file, '--log', 'text'],
  }
  const { ready } = await children.start(program, (line) => {
    const move = limitMove(line)
    if (move?.tool === 'flaky') onMove(move)
    const text = shown(line)
    if (text !== undefined) show(text)
    return listenAddress(line)
  })
  return { flaky: `http://${ready}/flaky`, healthy: `http://${ready}/healthy` }
}
