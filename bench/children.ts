/**
 * The processes that a benchmark starts: each prints where it listens, and all are ended with the benchmark.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'

export const children: ChildProcess[] = []

/** Starts `node ARGS...`; resolves once its output names a port. Rejects when it ends before. */
export function start(args: string[], portOf: RegExp): Promise<{ port: number; pid: number }> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  return new Promise((resolve, reject) => {
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      const port = portOf.exec(text)?.[1]
      if (port !== undefined) resolve({ port: Number(port), pid: child.pid ?? 0 })
    })
    child.on('exit', () => reject(new Error(`${args[0] ?? ''} ended before it listened: ${text}`)))
  })
}
