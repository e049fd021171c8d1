/**
 * The child processes of a benchmark. Each prints the port on which it listens; the benchmark ends them all.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'

export const children: ChildProcess[] = []

/** Starts `node ARGS...`; resolves once its output names a port. Rejects if the process ends before that. */
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
